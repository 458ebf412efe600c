import type { NotedMessage, WaitingState } from './conservation-store.ts'

/** Some messages of many. */
export interface MessageList<Message> {
  readonly count: number
  /** The first of them. */
  readonly messages: readonly Message[]
}

/** What became of the messages that one consumer should have got. */
export interface ConsumerConservation {
  readonly consumer: string
  readonly queues: readonly string[]
  /** What is judged: messages whose ids were made from here on, or were noted then if their ids tell no time. */
  readonly from: Date
  readonly to: Date
  /** Noted, and gone from the outbox. */
  readonly expected: number
  /** Of them those that the consumer neither has handled nor keeps: gaps. */
  readonly missing: MessageList<NotedMessage>
  /** Not to be expected yet, or given up: how many are kept where they were written, in which state. */
  readonly waiting: Readonly<Record<WaitingState, number>>
  /** Remembered by the consumer, and not in the history of those who claim to have written them. */
  readonly unexpected: MessageList<{ readonly messageId: string; readonly minute: number }>
}

/** What an audit has found. */
export interface ConservationReport {
  readonly consumers: readonly ConsumerConservation[]
  /** Sentences: what could not be judged, and why. */
  readonly notes: readonly string[]
}
