import { randomUUID } from 'node:crypto'
import { pgPool } from '../adapters/pg/index.ts'
import { createRelayStore, type SqlExecutor, type SqlPool } from '../adapters/postgres/index.ts'
import { LANE_COUNT, type RelayStore } from '../src/ports.ts'
import { fill } from './backlog.ts'
import { median, type Row } from './measure.ts'
import type { Setting } from './setting.ts'

const RECORDS = 1_000_000
const LIMIT_MS = 50
const ROUNDS = 15
const LEASE_MS = 3_600_000
const LIMITS = { timeoutMs: 60_000 }

/**
 * What the sampler of a relay asks of the database, in milliseconds as a client sees them: with nothing, with a backlog, and
 * with one that is consumed bit by bit while an old snapshot keeps vacuum from removing anything.
 */
export async function benchSampler(setting: Setting): Promise<Row[]> {
  const { pool, scale } = setting
  const records = Math.round(RECORDS * scale)
  const measure = measureOn(pgPool(pool))
  await pool.query(OTHERS)
  await pool.query('vacuum analyze waybill.inbox, waybill.failure')
  const owner = await createOwner(createRelayStore(pgPool(pool)))
  const rows = await measure('nothing waits')
  await pool.query(fill(records, 250))
  const size = records.toLocaleString('en')
  rows.push(...(await measure(`${size} wait`)))
  const reader = await pool.connect()
  await reader.query('begin isolation level repeatable read')
  await reader.query('select pg_current_snapshot()')
  for (const [left, name] of [
    [records / 2, 'half are left, vacuum is blocked'],
    [3, '3 are left, vacuum is blocked'],
  ] as const) {
    const { rows: found } = await pool.query<{ position: string }>(
      'select last_value - $1::bigint as position from waybill.outbox_id_seq',
      [Math.round(left)],
    )
    const consumed = Number(found[0]?.position)
    await pool.query('delete from waybill.outbox where id <= $1', [consumed])
    await owner.says(consumed + 1)
    rows.push(...(await measure(`of ${size} ${name}`)))
  }
  await reader.query('rollback')
  reader.release()
  return rows
}

/** A relay that owns all lanes, and says from where on they are to be counted. */
async function createOwner(store: RelayStore): Promise<{ says: (floor: number) => Promise<void> }> {
  const relayId = randomUUID()
  await store.register({ relayId, host: 'bench', schemaVersion: (await store.meta()).codeVersion }, LEASE_MS)
  await store.rebalance(relayId, 0)
  return {
    async says(floor) {
      const { server, snapshot } = await store.ring()
      const all = { position: floor, base: snapshot }
      const lanes = new Map(Array.from({ length: LANE_COUNT }, (_, lane) => [lane, all]))
      if (!(await store.renew(relayId, LEASE_MS, { server, lanes }))) throw new Error('The lease is over.')
    },
  }
}

/** A consumer with much to remember, and with more dead letters than are counted. */
const OTHERS = `
with remembered as (
  insert into waybill.inbox (message_id, consumer, fingerprint)
  select gen_random_uuid(), 'consumer-' || n % 10, 1 from generate_series(1, 200000) as n
)
insert into waybill.failure (consumer, message_id, original_id, state, version, type, exchange, routing_key, content_type,
  payload, reason)
select 'consumer-' || n % 2, gen_random_uuid(), 'm', 'dead', 1, 'order.placed', 'e', 'r', 'text/plain', '', 'failed'
from generate_series(1, 25000) as n`

interface Asked {
  readonly text: string
  readonly tookMs: number
}

function measureOn(pool: SqlPool): (variant: string) => Promise<Row[]> {
  let asked: Asked[] = []
  const timed = (executor: SqlExecutor): SqlExecutor => ({
    async query(text, values) {
      const startedAt = performance.now()
      try {
        return await executor.query(text, values)
      } finally {
        asked.push({ text, tookMs: performance.now() - startedAt })
      }
    },
  })
  const store: RelayStore = createRelayStore({
    ...timed(pool),
    transaction: (work, signal) => pool.transaction((executor) => work(timed(executor)), signal),
  })
  return async (variant) => {
    const slowest: number[] = []
    const all: number[] = []
    for (let round = 0; round <= ROUNDS; round += 1) {
      asked = []
      await store.sample(LIMITS)
      if (round === 0) continue
      const worst = asked.reduce((one, other) => (other.tookMs > one.tookMs ? other : one))
      slowest.push(worst.tookMs)
      all.push(asked.reduce((sum, { tookMs }) => sum + tookMs, 0))
      if (round === ROUNDS) process.stderr.write(`${variant}: slowest is${worst.text.slice(0, 90)}\n`)
    }
    return [
      row(`${variant}: slowest statement`, median(slowest)),
      row(`${variant}: all statements`, median(all)),
    ]
  }
}

function row(variant: string, value: number): Row {
  return { bench: 'sampler', variant, value, unit: 'ms', limit: LIMIT_MS, ratio: value / LIMIT_MS }
}
