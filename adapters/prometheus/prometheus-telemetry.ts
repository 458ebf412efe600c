import type { Registry } from 'prom-client'
import {
  checkNames,
  checkShape,
  SEMCONV,
  systemClock,
  WaybillError,
  type Clock,
  type Telemetry,
} from '../../src/ports.ts'
import { adminMoments } from './admin-moments.ts'
import { consumerMoments } from './consumer-moments.ts'
import { instrumentsOf } from './instruments.ts'
import { messageMoments } from './message-moments.ts'
import { relayMoments } from './relay-moments.ts'
import { sampledMoments } from './sampled-moments.ts'

export interface PrometheusOptions {
  /** Where the metrics are registered: of prom-client, whose `register` is the usual one of a process. */
  readonly registry: Registry
  /** The label `outbox` of its metrics: the same for a service and for the relay of its outbox. @defaultValue `'default'` */
  readonly outbox?: string | undefined
  /** Shown by `outbox_build_info`. Default: nothing. */
  readonly version?: string | undefined
  readonly clock?: Pick<Clock, 'now'> | undefined
}

/**
 * Counts what outboxes, relays and consumers do, in a registry of prom-client. Nothing is asked of a database when the
 * registry is read. Several may share a registry; a metric is registered once. docs/metrics.md lists them all.
 *
 * @throws WaybillError WAYBILL_OPTION_INVALID
 *
 * @example
 * ```ts
 * import { register } from 'prom-client'
 *
 * const telemetry = prometheusTelemetry({ registry: register, outbox: 'orders' })
 * const outbox = createOutbox({ source: 'orders', messages, database, telemetry })
 * ```
 */
export function prometheusTelemetry(options: PrometheusOptions): Telemetry {
  checkOptions(options)
  const { registry, outbox = 'default', version, clock = systemClock } = options
  const now = (): number => clock.now()
  const instruments = instrumentsOf(registry, now)
  if (version !== undefined) {
    instruments.set('outbox_build_info', { version, node: process.version, semconv: SEMCONV }, 1)
  }
  return {
    ...messageMoments(instruments, outbox),
    ...relayMoments(instruments, { outbox, now }),
    ...sampledMoments(instruments, outbox),
    ...consumerMoments(instruments),
    ...adminMoments(instruments, outbox),
  }
}

function checkOptions(options: unknown): void {
  checkNames(options, 'The options of prometheusTelemetry', ['registry', 'outbox', 'version', 'clock'])
  const { registry, outbox, version } = options as Readonly<Record<string, unknown>>
  checkShape(registry, 'Option registry of prometheusTelemetry', {
    methods: ['registerMetric', 'metrics'],
    wanted: 'Wanted is a Registry of prom-client, such as its `register`.',
  })
  for (const [name, value] of Object.entries({ outbox, version })) {
    if (value === undefined || (typeof value === 'string' && value !== '')) continue
    throw new WaybillError('WAYBILL_OPTION_INVALID', {
      problem: `Option ${name} of prometheusTelemetry is no text, or an empty one.`,
      wanted: 'Wanted is a short text that stays the same.',
    })
  }
}
