import { context, propagation, trace, type Context, type Span } from '@opentelemetry/api'
import { NodeSDK, tracing as sdkTracing } from '@opentelemetry/sdk-node'
import { openTelemetry, type OpenTelemetryOptions } from '../../../adapters/opentelemetry/index.ts'
import type { Envelope, HandlingAttempt, OutgoingMessage, Tracing } from '../../../src/ports.ts'

export type FinishedSpan = sdkTracing.ReadableSpan

/** 1 January 2026. */
export const NOW: number = Date.UTC(2026, 0, 1)

/** The real SDK, keeping what it would export. */
export interface Rig extends AsyncDisposable {
  /** What has ended, in order. */
  readonly spans: () => readonly FinishedSpan[]
  readonly tracing: (options?: OpenTelemetryOptions) => Tracing
  /** Runs the work as the current span of the application. */
  readonly within: <Result>(work: (span: Span) => Result, base?: Context) => Result
}

export interface RigOptions {
  readonly sampler?: sdkTracing.Sampler
  /** As in `OTEL_PROPAGATORS`. */
  readonly propagators?: string
}

export function startRig({ sampler, propagators }: RigOptions = {}): Rig {
  const exporter = new sdkTracing.InMemorySpanExporter()
  if (propagators !== undefined) process.env['OTEL_PROPAGATORS'] = propagators
  const sdk = new NodeSDK({
    ...{ autoDetectResources: false, instrumentations: [], metricReaders: [], logRecordProcessors: [] },
    spanProcessors: [new sdkTracing.SimpleSpanProcessor(exporter)],
    ...(sampler !== undefined && { sampler }),
  })
  sdk.start()
  delete process.env['OTEL_PROPAGATORS']
  const tracer = trace.getTracer('application')
  return {
    spans: () => exporter.getFinishedSpans(),
    tracing: (options = {}) => tracingOf({ clock: { now: () => NOW }, ...options }),
    within: (work, base = context.active()) =>
      context.with(base, () =>
        tracer.startActiveSpan('request', (span) => {
          try {
            return work(span)
          } finally {
            span.end()
          }
        }),
      ),
    async [Symbol.asyncDispose]() {
      await sdk.shutdown()
      for (const api of [trace, context, propagation]) api.disable()
    },
  }
}

export function tracingOf(options: OpenTelemetryOptions = {}): Tracing {
  const { tracing } = openTelemetry(options)
  if (tracing === undefined) throw new Error('It makes no traces.')
  return tracing
}

export const CREATED = {
  messageId: idAt(NOW),
  type: 'order.placed',
  exchange: 'orders.events',
  routingKey: 'order.placed',
  correlationId: 'conversation-1',
} as const

/** A UUIDv7 of that time. */
export function idAt(time: number): string {
  const hex = time.toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000001`
}

/** As a relay has read it, a second after it was written. */
export function outgoing(more: Partial<OutgoingMessage> = {}): OutgoingMessage {
  return {
    ...CREATED,
    ...{ source: 'orders', version: 1, key: null, causationId: null, createdAt: NOW - 1000 },
    ...{ contentType: 'application/json', headers: {}, body: Buffer.from('{}') },
    ...{ lane: 0, epoch: 1, position: 1 },
    ...more,
  }
}

/** Of consumer `billing`. */
export function attempt(
  envelope: Partial<Envelope> = {},
  more: Partial<Omit<HandlingAttempt, 'envelope'>> = {},
): HandlingAttempt {
  const { exchange, routingKey, ...rest } = outgoing(envelope)
  return {
    ...{ consumer: 'billing', queue: 'billing', envelope: rest, exchange, routingKey },
    ...{ attempt: 1, replayed: false, previous: null },
    ...more,
  }
}

export const HANDLED = { outcome: 'handled', error: undefined, kept: null } as const

export function linksOf(span: FinishedSpan | undefined): readonly (readonly [unknown, string])[] {
  return (span?.links ?? []).map(({ context: to, attributes }) => [
    attributes?.['outbox.link.kind'],
    to.spanId,
  ])
}
