import { metrics } from '@opentelemetry/sdk-node'
import { expect, test } from 'vitest'
import { openTelemetry } from '../../../adapters/opentelemetry/index.ts'
import { PermanentError } from '../../../src/index.ts'
import { eventually } from '../../support/eventually.ts'
import { createWorld as createConsumerWorld } from '../consuming/world.ts'
import { createWorld, numbered } from '../relay/world.ts'

interface Mirror extends AsyncDisposable {
  readonly provider: metrics.MeterProvider
  /** How often each metric was counted or measured, by its name and the type of error. */
  counted(): Promise<Readonly<Record<string, number>>>
}

function createMirror(): Mirror {
  const exporter = new metrics.InMemoryMetricExporter(metrics.AggregationTemporality.CUMULATIVE)
  const reader = new metrics.PeriodicExportingMetricReader({ exporter })
  const provider = new metrics.MeterProvider({ readers: [reader] })
  return {
    provider,
    async counted() {
      exporter.reset()
      await reader.forceFlush()
      const all = exporter.getMetrics().flatMap((one) => one.scopeMetrics.flatMap((scope) => scope.metrics))
      const told = all.flatMap(({ descriptor, dataPoints }) =>
        dataPoints.map(({ attributes, value }) => {
          const error = attributes['error.type']
          const name = error === undefined ? descriptor.name : `${descriptor.name} ${String(error)}`
          return [name, typeof value === 'number' ? value : 'count' in value ? value.count : NaN] as const
        }),
      )
      return Object.fromEntries(told)
    },
    [Symbol.asyncDispose]: () => provider.shutdown(),
  }
}

test('what a relay sends is mirrored by the messaging conventions', async () => {
  await using mirror = createMirror()
  await using world = await createWorld()
  world.broker.answer = ({ key }) => ({ kind: key === 'key-2' ? 'unroutable' : 'confirmed' })
  const listener = openTelemetry({ metrics: true, meterProvider: mirror.provider })
  await world.start({ leaseMs: 15_000, onUnroutable: 'dead' }, listener)
  await world.write(numbered(3, 3))
  await world.drained()
  expect(await mirror.counted()).toEqual({
    'messaging.client.sent.messages': 2,
    'messaging.client.sent.messages unroutable': 1,
    'messaging.client.operation.duration': 2,
  })
})

test('what a consumer handles is mirrored by the messaging conventions', async () => {
  await using mirror = createMirror()
  await using world = await createConsumerWorld()
  await world.consume({
    telemetry: openTelemetry({ metrics: true, meterProvider: mirror.provider }),
    handlers: {
      'order.placed': ({ key }) => {
        if (key === 'bad') throw new PermanentError('Never.')
      },
    },
  })
  const [messageId = ''] = await world.place(1)
  await eventually(async () => (await mirror.counted())['messaging.client.consumed.messages'] === 1)
  await world.place(1, { messageId })
  await world.place(1, { key: 'bad' })
  await eventually(async () => (await mirror.counted())['messaging.client.consumed.messages'] === 3)
  expect(await mirror.counted()).toEqual({
    'messaging.client.consumed.messages': 3,
    'messaging.process.duration': 1,
    'messaging.process.duration failed': 1,
  })
})
