import { metrics } from '@opentelemetry/sdk-node'
import { expect, it } from 'vitest'
import { openTelemetry } from '../../../adapters/opentelemetry/index.ts'
import { outgoing } from './rig.ts'

interface Told {
  readonly attributes: object
  readonly value: unknown
}

/** What was counted, and how much was measured how often, by the names of the instruments. */
async function told(
  reader: metrics.PeriodicExportingMetricReader,
  exporter: metrics.InMemoryMetricExporter,
): Promise<Map<string, readonly Told[]>> {
  await reader.forceFlush()
  const all = exporter
    .getMetrics()
    .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics))
  return new Map(
    all.map(({ descriptor, dataPoints }) => [
      descriptor.name,
      dataPoints.map(({ attributes, value }) => ({
        attributes,
        value: typeof value === 'number' ? value : 'sum' in value ? value.sum : undefined,
      })),
    ]),
  )
}

it('counts by the messaging conventions, where that is asked for', async () => {
  const exporter = new metrics.InMemoryMetricExporter(metrics.AggregationTemporality.CUMULATIVE)
  const reader = new metrics.PeriodicExportingMetricReader({ exporter })
  const meterProvider = new metrics.MeterProvider({ readers: [reader] })
  const telemetry = openTelemetry({ metrics: true, meterProvider })
  telemetry.published?.(outgoing(), 10, 250)
  telemetry.notPublished?.(outgoing(), { kind: 'unroutable' })
  const handled = { ageMs: 5, ids: null, durationMs: 500 }
  telemetry.handled?.('billing', 'order.placed', { ...handled, outcome: 'handled' })
  telemetry.handled?.('billing', 'order.placed', { ...handled, outcome: 'failed' })
  telemetry.handled?.('billing', 'order.placed', { ...handled, outcome: 'duplicate' })

  const sent = {
    'messaging.system': 'rabbitmq',
    'messaging.operation.name': 'publish',
    'messaging.destination.name': 'orders.events',
  }
  const process = {
    'messaging.system': 'rabbitmq',
    'messaging.operation.name': 'process',
    'messaging.destination.name': 'billing',
    'messaging.consumer.group.name': 'billing',
  }
  expect(await told(reader, exporter)).toEqual(
    new Map([
      [
        'messaging.client.sent.messages',
        [
          { attributes: sent, value: 1 },
          { attributes: { ...sent, 'error.type': 'unroutable' }, value: 1 },
        ],
      ],
      ['messaging.client.operation.duration', [{ attributes: sent, value: 0.25 }]],
      ['messaging.client.consumed.messages', [{ attributes: process, value: 3 }]],
      [
        'messaging.process.duration',
        [
          { attributes: process, value: 0.5 },
          { attributes: { ...process, 'error.type': 'failed' }, value: 0.5 },
        ],
      ],
    ]),
  )
  await meterProvider.shutdown()
  expect(openTelemetry().published).toBeUndefined()
})
