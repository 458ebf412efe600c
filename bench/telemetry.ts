import { propagation } from '@opentelemetry/api'
import { core, tracing } from '@opentelemetry/sdk-node'
import { Registry } from 'prom-client'
import { openTelemetry } from '../adapters/opentelemetry/index.ts'
import { prometheusTelemetry } from '../adapters/prometheus/index.ts'
import {
  createDrain,
  listenTo,
  silentLogger,
  type OutboxRecord,
  type OutgoingMessage,
  type Telemetry,
} from '../src/ports.ts'
import type { Row } from './measure.ts'
import type { Setting } from './setting.ts'

const PAGE = 1000
const PAGES = 30
const ROUNDS = 30
/** Of a normal distribution, 95 % lie within so many standard errors. */
const INTERVAL = 1.96

/** In microseconds for each message. */
const LIMITS = { metrics: 1, 'traces, 1 %': 2, 'traces, 100 %': Infinity }

interface Way {
  readonly telemetry: Telemetry
  /** The share of messages whose trace is recorded. */
  readonly sampled: number
}

/**
 * What it costs a relay to be watched: the CPU of the rules that a message goes through, from its record to its confirm, with
 * those who listen beside the same without any. No server takes part, as its noise is larger than the cost.
 */
export async function benchTelemetry(setting: Setting): Promise<Row[]> {
  const sdk = startSdk()
  const ways: Readonly<Record<string, Way>> = {
    off: { telemetry: {}, sampled: 0.01 },
    metrics: { telemetry: listening(prometheusTelemetry({ registry: new Registry() })), sampled: 0.01 },
    'traces, 1 %': { telemetry: listening(openTelemetry(sdk)), sampled: 0.01 },
    'traces, 100 %': { telemetry: listening(openTelemetry(sdk)), sampled: 1 },
  }
  const rounds = Math.max(Math.round(ROUNDS * setting.scale), 5)
  const costs = new Map(Object.keys(ways).map((name) => [name, [] as number[]]))
  for (let round = -2; round < rounds; round += 1) {
    const order = round % 2 === 0 ? Object.entries(ways) : Object.entries(ways).reverse()
    for (const [name, way] of order) {
      const cost = run(way)
      if (round >= 0) costs.get(name)?.push(cost)
      // What a round has left to be sent is not to be paid for by the next one.
      await sdk.tracerProvider.forceFlush()
    }
  }
  return Object.entries(LIMITS).flatMap(([name, limit]) => rowsOf(name, limit, costs))
}

function listening(telemetry: Telemetry): Telemetry {
  return listenTo(telemetry, silentLogger)
}

function startSdk(): { readonly tracerProvider: tracing.BasicTracerProvider } {
  propagation.setGlobalPropagator(new core.W3CTraceContextPropagator())
  const exporter: tracing.SpanExporter = {
    export: (_spans, done) => done({ code: core.ExportResultCode.SUCCESS }),
    shutdown: () => Promise.resolve(),
  }
  const processor = new tracing.BatchSpanProcessor(exporter, { maxQueueSize: 2 * PAGE * PAGES })
  return { tracerProvider: new tracing.BasicTracerProvider({ spanProcessors: [processor] }) }
}

/** @returns microseconds of CPU for each message. */
function run({ telemetry, sampled }: Way): number {
  const pages = Array.from({ length: PAGES }, (_, page) => records(page, sampled))
  const sent: OutgoingMessage[] = []
  const drain = createDrain(OPTIONS, {
    telemetry,
    random: () => 0.5,
    now: () => performance.now(),
    wallClock: () => Date.now(),
    mayPublish: () => true,
    publish: (message) => sent.push(message),
  })
  drain.lanes.claim([{ lane: 0, epoch: 1 }])
  drain.blocking.update(drain.blocking.begin(), new Set())
  const before = process.cpuUsage()
  for (const page of pages) {
    drain.intake.wake()
    const plan = drain.intake.plan()
    if (plan === null) throw new Error('The drain takes nothing more.')
    drain.intake.apply(plan, {
      ...{ server: 'a', snapshot: '100:100:', sequence: PAGE * PAGES + 1 },
      pages: [{ lane: 0, records: page, cut: false }],
    })
    drain.pump()
    for (const message of sent.splice(0)) drain.outcome(message, { kind: 'confirmed' })
    const batch = drain.settling.takeConfirmed(PAGE)
    if (batch?.items.length !== PAGE) throw new Error('Not all of the page was published.')
    drain.settling.settled(batch, { ...SETTLED, removed: PAGE })
  }
  const { user, system } = process.cpuUsage(before)
  return (user + system) / (PAGE * PAGES)
}

const SETTLED = { server: 'a', xid: 100 }

const OPTIONS = {
  batchSize: PAGE,
  window: 2 * PAGE,
  windowBytes: 64 * 1024 * 1024,
  order: 'strict',
  onDead: 'block-key',
  onUnroutable: 'hold',
  gateBackoff: { baseMs: 100, maxMs: 1000, jitter: 0 },
  retry: { backoff: { baseMs: 5000, maxMs: 900_000, jitter: 0 }, maxAttempts: 10, maxAgeMs: 86_400_000 },
  stuckMs: 500,
} as const

function records(page: number, sampled: number): readonly OutboxRecord[] {
  const every = Math.round(1 / sampled)
  return Array.from({ length: PAGE }, (_, index) => {
    const position = page * PAGE + index + 1
    const span = position.toString(16).padStart(16, '0')
    const flags = position % every === 0 ? '01' : '00'
    return {
      ...{ lane: 0, position, messageId: `m${String(position)}`, type: 'test', version: 1, source: 'bench' },
      ...{ key: null, exchange: 'bench.events', routingKey: 'test', contentType: 'application/json' },
      headers: `{"traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-${span}-${flags}"}`,
      payload: Buffer.from('{}'),
      createdAt: Date.now(),
    }
  })
}

function rowsOf(name: string, limit: number, costs: ReadonlyMap<string, readonly number[]>): Row[] {
  const off = costs.get('off') ?? []
  const differences = (costs.get(name) ?? []).map((cost, round) => cost - (off[round] ?? Number.NaN))
  const mean = average(differences)
  const spread = Math.sqrt(average(differences.map((each) => (each - mean) ** 2)))
  const error = (INTERVAL * spread) / Math.sqrt(differences.length)
  const row = { bench: 'telemetry', unit: 'µs/message', limit }
  return [
    { ...row, variant: name, value: mean, ratio: mean / limit },
    { ...row, variant: `${name}: half of the 95 % interval`, value: error, ratio: error / limit },
  ]
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
