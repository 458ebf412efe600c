import type { OutgoingMessage, PublishOutcome } from '../transport/transport.ts'
import type { Envelope } from '../message/envelope.ts'
import type { FailureReason } from '../retry/failure-reason.ts'
import type { HandledOutcome } from './handled-outcome.ts'

/** What carries a trace from one process to the next, as headers of a message. */
export type TraceHeaders = Readonly<Record<string, string>>

/** By what lines of a log find the trace that they belong to; the names are those of OpenTelemetry. */
export interface TraceIds {
  readonly trace_id: string
  readonly span_id: string
  readonly trace_flags: string
}

/** What a span of the creation of a message says. */
export interface CreatedMessage {
  readonly messageId: string
  readonly type: string
  readonly exchange: string
  readonly routingKey: string
  readonly correlationId: string | null
}

/** A message that is being written. */
export interface Creation {
  /** Kept with the message, and never changed on its way: whoever publishes or handles it refers to them. */
  readonly headers: TraceHeaders
  /** Called once, when it is written or could not be. */
  end(error?: unknown): void
}

/** A message on its way to the broker. */
export interface Publishing {
  /** Called once. */
  end(outcome: PublishOutcome): void
}

/** What is known of an attempt to handle a message. */
export interface HandlingAttempt {
  readonly consumer: string
  readonly queue: string
  readonly envelope: Envelope
  readonly exchange: string
  readonly routingKey: string
  /** The first is 1. */
  readonly attempt: number
  /** An operator, or the clock, has made a kept message due again: its trace is over. */
  readonly replayed: boolean
  /** What {@link Handling.headers} of the attempt before it said. */
  readonly previous: TraceHeaders | null
}

/** How the handling of a message ended. */
export interface HandlingEnd {
  readonly outcome: HandledOutcome
  /** What was thrown, if anything was. */
  readonly error: unknown
  /** Of a message that is kept: why, and in how many milliseconds it is tried again; null when it is a dead letter. */
  readonly kept: { readonly reason: FailureReason; readonly retryInMs: number | null } | null
}

/** A message that is being handled. */
export interface Handling {
  /** Runs the handler as the current span: what it calls, writes and logs belongs to it. */
  run<Result>(work: () => Result): Result
  /** To be referred to by the next attempt. */
  readonly headers: TraceHeaders
  /** Null when there are none. */
  readonly ids: TraceIds | null
  /** Called once, when it is decided what becomes of the message. */
  end(how: HandlingEnd): void
}

/** Something that an operator changes. */
export interface Operating {
  /** Runs the change as the current span. */
  run<Result>(work: () => Result): Result
  /**
   * Called once.
   * @param error why it was not changed; undefined when it was.
   * @param message what the message that it was done with carries; null when it was none.
   */
  end(error: unknown, message: TraceHeaders | null): void
}

/** Port: how the way of a message becomes a trace. What returns null costs nothing more. */
export interface Tracing {
  /** Runs Waybill's own work, such as fetching: nothing in it makes spans, and none of its messages get other headers. */
  quietly<Result>(work: () => Result): Result
  /** @returns null when there is no trace to go on with. */
  create(message: CreatedMessage): Creation | null
  /** @param attempt the first is 1. @returns null when nobody records it. */
  publish(message: OutgoingMessage, attempt: number): Publishing | null
  /** @returns null when there is nothing to record. */
  handle(attempt: HandlingAttempt): Handling | null
  /** @param action and `target` as they are audited. @returns null when nobody records it. */
  operate(action: string, target: string): Operating | null
  /** A delivery has come from the broker. @returns what to warn of, once: something else traces deliveries too. */
  delivered(): string | null
}
