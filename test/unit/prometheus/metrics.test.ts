import { Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import { instrumentsOf } from '../../../adapters/prometheus/instruments.ts'
import { metricsPage, prometheusTelemetry } from '../../../adapters/prometheus/index.ts'
import type { OutboxSample, OutgoingMessage } from '../../../src/ports.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const SPAN = '00f067aa0ba902b7'

function setup() {
  const registry = new Registry()
  const telemetry = prometheusTelemetry({
    registry,
    outbox: 'orders',
    clock: { now: () => 1_700_000_000_000 },
  })
  const lines = async (name: string): Promise<string[]> =>
    (await registry.metrics()).split('\n').filter((line) => line.startsWith(name))
  return { registry, telemetry, lines }
}

const message = (over: Partial<OutgoingMessage> = {}): OutgoingMessage =>
  ({ exchange: 'orders.events', headers: {}, ...over }) as OutgoingMessage

const SAMPLE: OutboxSample = {
  takenAt: 1_700_000_000_000,
  durationMs: 12,
  pending: 40,
  estimated: false,
  oldestPendingAgeMs: 1500,
  scheduled: 0,
  dead: 1,
  blockedKeys: 1,
  oldestTransactionAgeMs: 0,
  tables: [],
  consumers: [
    {
      consumer: 'billing',
      dead: 2,
      retry: 0,
      waiting: 0,
      oldestDeadAgeMs: 500,
      failureGroups: 1,
      remembered: 9,
    },
  ],
  bulkOperations: { running: 0, paused: 0, watching: 0 },
}

describe('metrics', () => {
  it('counts what is published, by exchange, with buckets that add up', async () => {
    const { telemetry, lines } = setup()
    for (const ageMs of [4, 40, 4000, 7_200_000]) telemetry.published?.(message(), ageMs, 2)
    expect(await lines('outbox_published_messages_total')).toEqual([
      'outbox_published_messages_total{outbox="orders",exchange="orders.events"} 4',
    ])
    const latency = await lines('outbox_delivery_latency_seconds')
    const bucket = (le: string): string => latency.find((line) => line.includes(`le="${le}"`))!.split(' ')[1]!
    expect([bucket('0.005'), bucket('0.05'), bucket('5'), bucket('3600'), bucket('+Inf')]).toEqual([
      '1',
      '2',
      '3',
      '3',
      '4',
    ])
    expect(latency.at(-1)).toMatch(/_count\{.*\} 4$/)
    expect(Number(latency.at(-2)!.split(' ')[1])).toBeCloseTo(7204.044)
  })

  it('has a series for each way to fail before the first one fails', async () => {
    const { telemetry, lines } = setup()
    telemetry.published?.(message(), 1, 1)
    expect(await lines('outbox_publish_failures_total')).toHaveLength(6)
    expect(await lines('outbox_parked_messages_total')).toHaveLength(4)
    expect(await lines('outbox_dead_lettered_messages_total')).toHaveLength(4)
    telemetry.consumer?.('billing', { types: ['order.placed'], prefetch: 100 })
    const added = await lines('dlq_added_messages_total')
    expect(added).toContain('dlq_added_messages_total{consumer="billing",reason="exhausted"} 0')
  })

  it('exports nothing of relays from a process that only writes', async () => {
    const { telemetry, registry } = setup()
    telemetry.outbox?.(['orders.events'])
    telemetry.written?.('orders.events', 'order.placed')
    expect(await registry.metrics()).not.toMatch(/outbox_(broker|lease|relay)/)
  })

  it('keeps labels from growing without end', async () => {
    const { telemetry, lines } = setup()
    for (let n = 0; n < 80; n += 1) telemetry.published?.(message({ exchange: `exchange ${n}` }), 1, 1)
    const published = await lines('outbox_published_messages_total')
    expect(published).toHaveLength(51)
    expect(published.at(-1)).toMatch(/exchange="_other"\} 30$/)
  })

  it('keeps one tally for each set of labels, however often it is asked for', () => {
    const instruments = instrumentsOf(new Registry(), () => 0)
    const tally = (exchange: string) =>
      instruments.tally('outbox_published_messages_total', { outbox: 'orders', exchange })
    expect(tally('_other')).toBe(tally('_other'))
    expect(tally('_other')).not.toBe(tally('orders.events'))
  })

  it('takes back what the last sample does not tell of, and everything once another relay samples', async () => {
    const { telemetry, lines } = setup()
    telemetry.sampled?.(SAMPLE)
    expect(await lines('dlq_messages')).toHaveLength(3)
    expect(await lines('outbox_pending_messages{')).toEqual(['outbox_pending_messages{outbox="orders"} 40'])
    telemetry.sampled?.({ ...SAMPLE, consumers: [] })
    expect(await lines('dlq_messages')).toEqual([])
    telemetry.sampled?.(null)
    expect(await lines('outbox_pending_messages{')).toEqual([])
  })

  it('lets several listen in one registry', async () => {
    const { registry, telemetry, lines } = setup()
    const other = prometheusTelemetry({ registry, outbox: 'credit' })
    telemetry.written?.('a', 't')
    other.written?.('b', 't')
    expect(await lines('outbox_enqueued_messages_total')).toHaveLength(2)
  })

  it('refuses options that cannot work', () => {
    expect(() => prometheusTelemetry({} as never)).toThrow(/registry/)
    expect(() => prometheusTelemetry({ registry: new Registry(), outbox: '' })).toThrow(/outbox/)
    expect(() => prometheusTelemetry({ registry: new Registry(), outbx: 'a' } as never)).toThrow(/outbx/)
  })
})

describe('the page of metrics', () => {
  const sampled = message({ headers: { traceparent: `00-${TRACE}-${SPAN}-01` } })

  it('has exemplars for those who accept OpenMetrics, and only of traces that are recorded', async () => {
    const { registry, telemetry } = setup()
    telemetry.published?.(sampled, 40, 2)
    telemetry.published?.(message({ headers: { traceparent: `00-${TRACE}-${SPAN}-00` } }), 4000, 2)
    const { contentType, text } = await metricsPage(
      registry,
      'application/openmetrics-text;version=1.0.0,*/*;q=0.1',
    )
    expect(contentType).toContain('application/openmetrics-text')
    expect(text).toContain(`# {trace_id="${TRACE}",span_id="${SPAN}"} 0.04 1700000000`)
    expect(text.match(/trace_id/g)).toHaveLength(2)
    expect(text).toMatch(
      /# TYPE outbox_published_messages counter\noutbox_published_messages_total\{.*\} 2\n/,
    )
    expect(text.endsWith('# EOF\n')).toBe(true)
  })

  it('is the plain text format for everybody else, also after somebody has asked for the other', async () => {
    const { registry, telemetry } = setup()
    telemetry.published?.(sampled, 40, 2)
    const plain = await metricsPage(registry)
    await metricsPage(registry, 'application/openmetrics-text')
    const again = await metricsPage(registry, 'text/plain')
    expect(again).toEqual(plain)
    expect(plain.contentType).toContain('version=0.0.4')
    expect(plain.text).toContain('# TYPE outbox_published_messages_total counter')
    expect(plain.text).not.toContain('trace_id')
  })
})
