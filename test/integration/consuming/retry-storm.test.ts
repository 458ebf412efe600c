import { describe, expect, it } from 'vitest'
import type { ClaimRequest, Database } from '../../../src/ports.ts'
import { eventually } from '../../support/eventually.ts'
import { openDatabase, type Tx } from './drivers.ts'
import { createWorld, QUEUE, recordEffect, type Running, type World } from './world.ts'

const KEPT = 10_000
const INSTANCES = 3

/** Messages that failed once and are due in an hour, as an outage of something that all need leaves them. */
async function keepMany({ pool }: World): Promise<void> {
  await pool.query(
    `insert into waybill.failure (
       consumer, message_id, original_id, state, version, attempts, next_attempt_at, type, source,
       exchange, routing_key, content_type, payload, reason
     )
     select $1, id, id::text, 'retry', 1, 1, clock_timestamp() + interval '1 hour', 'order.placed', 'orders',
       'orders.events', 'order.placed', 'application/json', '{"orderId":"o"}', 'failed'
     from (select gen_random_uuid() as id from generate_series(1, $2::int)) as made`,
    [QUEUE, KEPT],
  )
  await pool.query(
    `insert into waybill.inbox (message_id, consumer, fingerprint)
     select message_id, consumer, 1 from waybill.failure`,
  )
  await pool.query('analyze waybill.failure')
}

interface Counted {
  readonly database: Database<Tx>
  readonly calls: { beats: number; claims: number; claimed: number }
}

/** How often an instance asks the database about what is kept. */
function counted(database: Database<Tx>): Counted {
  const calls = { beats: 0, claims: 0, claimed: 0 }
  const { failures } = database
  return {
    calls,
    database: {
      ...database,
      failures: {
        ...failures,
        beat(presence) {
          calls.beats += 1
          return failures.beat(presence)
        },
        async claim(request: ClaimRequest) {
          calls.claims += 1
          const claimed = await failures.claim(request)
          calls.claimed += claimed.length
          return claimed
        },
      },
    },
  }
}

interface Storm {
  readonly running: readonly Running[]
  readonly counts: readonly Counted['calls'][]
  readonly runs: Map<string, number>
}

async function startInstances(world: World, databases: readonly Database<Tx>[]): Promise<Storm> {
  const runs = new Map<string, number>()
  const running: Running[] = []
  const counts: Counted['calls'][] = []
  for (const inner of databases) {
    const { database, calls } = counted(inner)
    counts.push(calls)
    running.push(
      await world.consume({
        database,
        concurrency: 8,
        handlers: {
          'order.placed': async ({ messageId }, { tx }) => {
            runs.set(messageId, (runs.get(messageId) ?? 0) + 1)
            await recordEffect(messageId, tx)
          },
        },
      }),
    )
  }
  return { running, counts, runs }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, each) => all + each, 0)

describe('31: ten thousand kept messages', () => {
  it('cost one look a second while they wait, and are tried once each by all instances together when they are due at once', async () => {
    await using world = await createWorld()
    const databases = Array.from({ length: INSTANCES }, () => openDatabase('pg', world.databaseUrl))
    await keepMany(world)
    const startedAt = performance.now()
    const { running, counts, runs } = await startInstances(
      world,
      databases.map(({ database }) => database),
    )
    await eventually(() => counts.every(({ beats }) => beats >= 5))
    const seconds = (performance.now() - startedAt) / 1_000
    // One when it starts, then one in three quarters of a second to one and a quarter.
    for (const { beats } of counts) expect(beats).toBeLessThanOrEqual(2 + seconds / 0.75)
    expect(sum(counts.map(({ claims }) => claims))).toBe(0)

    await world.pool.query('update waybill.failure set next_attempt_at = clock_timestamp()')
    await eventually(() => runs.size > 0)
    const fresh = await world.place(50)
    await eventually(() => fresh.every((id) => runs.has(id)))
    // They do not wait until all that is kept was tried.
    expect(runs.size).toBeLessThan(KEPT)
    const left = async (): Promise<number> => {
      const { rows } = await world.pool.query<{ left: number }>(
        `select count(*)::int as left from waybill.failure where state <> 'resolved'`,
      )
      return rows[0]?.left ?? -1
    }
    await eventually(async () => (await left()) === 0, { timeoutMs: 400_000, everyMs: 250 })
    expect([...new Set(runs.values())]).toEqual([1])
    expect(runs.size).toBe(KEPT + fresh.length)
    expect([...new Set((await world.effects()).values())]).toEqual([1])
    const claimed = counts.map((count) => count.claimed)
    expect(sum(claimed)).toBe(KEPT)
    expect(Math.min(...claimed)).toBeGreaterThan(KEPT / INSTANCES / 3)
    // Two looks for what was tried, and no more: none in vain again and again.
    expect(sum(counts.map(({ claims }) => claims))).toBeLessThanOrEqual(2 * KEPT + 100)
    const { rows } = await world.pool.query(
      'select outcome, count(*)::int as times from waybill.failure_attempt group by 1',
    )
    expect(rows).toEqual([{ outcome: 'handled', times: KEPT }])
    for (const { consumer } of running) await consumer.stop()
    for (const database of databases) await database[Symbol.asyncDispose]()
  }, 480_000)

  it('that fail together are due spread over as long as their pause is', async () => {
    await using world = await createWorld()
    await world.consume({
      breaker: false,
      retry: { baseMs: 20_000, maxMs: 20_000 },
      handlers: {
        'order.placed': () => {
          throw new Error('All at once.')
        },
      },
    })
    await world.place(300)
    await eventually(async () => (await world.kept()).length === 300)
    const { rows } = await world.pool.query<{ tenth: number; count: number }>(
      `select width_bucket(extract(epoch from next_attempt_at - failed_at), 10, 30, 10) as tenth, count(*)::int as count
       from waybill.failure group by 1 order by 1`,
    )
    expect(rows.map(({ tenth }) => tenth)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    for (const { count } of rows) expect(count).toBeLessThan(75)
  })
})
