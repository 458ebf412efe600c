import pg from 'pg'
import { pgDatabase } from '../adapters/pg/index.ts'
import { rabbitmq } from '../adapters/rabbitmq/index.ts'
import { createRelay, type RelayOptions } from '../relay/index.ts'
import type { RelayReport } from './relay-process.ts'

/** A relay in a process of its own, which says on request what it has done since the last time. */
interface Orders {
  readonly databaseUrl: string
  readonly amqpUrl: string
  readonly options: RelayOptions
}

const EVERY_MS = 100
const MEBIBYTE = 1_048_576

async function main({ databaseUrl, amqpUrl, options }: Orders): Promise<void> {
  let seen = { settled: 0, statements: 0, fetchMs: [] as number[], settleMs: [] as number[], mostMemory: 0 }
  let cpu = process.cpuUsage()
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 5 })
  pool.on('connect', (client) => {
    const query = client.query.bind(client) as (...given: unknown[]) => unknown
    const counted = (...given: unknown[]): unknown => {
      seen.statements += 1
      return query(...given)
    }
    Object.assign(client, { query: counted })
  })
  const database = pgDatabase(pool)
  const store = {
    ...database.relay,
    async fetch(request: Parameters<typeof database.relay.fetch>[0]) {
      const started = performance.now()
      const result = await database.relay.fetch(request)
      seen.fetchMs.push(performance.now() - started)
      return result
    },
    async settle(records: Parameters<typeof database.relay.settle>[0]) {
      const started = performance.now()
      const result = await database.relay.settle(records)
      seen.settleMs.push(performance.now() - started)
      return result
    },
  }
  const transport = rabbitmq({
    url: amqpUrl,
    ...(options.heartbeatMs ? { heartbeatMs: options.heartbeatMs } : {}),
  })
  const telemetry = { settled: (records: number) => void (seen.settled += records) }
  const relay = createRelay({ database: { ...database, relay: store }, transport, telemetry }, options)
  const sampler = setInterval(() => {
    seen.mostMemory = Math.max(seen.mostMemory, process.memoryUsage.rss() / MEBIBYTE)
  }, EVERY_MS)
  process.on('message', () => {
    const { user, system } = process.cpuUsage(cpu)
    cpu = process.cpuUsage()
    const report: RelayReport = { ...seen, cpuMs: (user + system) / 1_000 }
    seen = { settled: 0, statements: 0, fetchMs: [], settleMs: [], mostMemory: 0 }
    process.send?.(report)
  })
  process.once('SIGTERM', () => {
    void relay.stop().then(() => process.exit())
  })
  // The bench is gone.
  process.once('disconnect', () => process.exit())
  await relay.start()
  sampler.unref()
  process.send?.(null)
}

await main(JSON.parse(process.argv[2] ?? '') as Orders)
