import { expect, it } from 'vitest'
import { pruneInboxRepeatedly } from '../../../src/consuming/prune-inbox.ts'
import { silentLogger, systemClock, type Clock } from '../../../src/ports.ts'
import { eventually } from '../../support/eventually.ts'
import { openDatabase } from './drivers.ts'
import { createWorld, QUEUE, type World } from './world.ts'

const HOUR = 3_600_000
const OLD = 30_000
const INSTANCES = 3

/** Waits a hundredth of the time: what happens every ten minutes happens now. */
const hasty: Clock = { ...systemClock, sleep: (ms, options) => systemClock.sleep(Math.min(ms, 20), options) }

async function remembered({ pool }: World): Promise<{ readonly old: number; readonly young: number }> {
  const { rows } = await pool.query<{ old: number; young: number }>(
    `select count(*) filter (where handled_at < now() - interval '1 hour')::int as old,
       count(*) filter (where handled_at >= now() - interval '1 hour')::int as young from waybill.inbox`,
  )
  return rows[0] ?? { old: NaN, young: NaN }
}

it('what is old is forgotten beside messages that are handled, whoever begins it, and nobody ends in a deadlock', async () => {
  await using world = await createWorld()
  await world.pool.query(
    `insert into waybill.inbox (consumer, message_id, fingerprint, handled_at)
     select $1, gen_random_uuid(), 1, now() - interval '1 day' from generate_series(1, $2::int)`,
    [QUEUE, OLD],
  )
  const { consumer, outcomes } = await world.consume({ inboxRetentionMs: HOUR })
  const end = new AbortController()
  const pruned: number[] = []
  const databases = Array.from({ length: INSTANCES }, () => openDatabase('pg', world.databaseUrl))
  const pruning = databases.map(({ database }) =>
    pruneInboxRepeatedly({
      ...{ inbox: database.inbox, consumer: QUEUE, retentionMs: HOUR, clock: hasty, logger: silentLogger },
      ...{ telemetry: { pruned: (_what, count) => void pruned.push(count) }, signal: end.signal },
    }),
  )
  const ids: string[] = []
  let meanwhile = 0
  for (let isOver = false; !isOver;) {
    ids.push(...(await world.place(20)))
    const { old } = await remembered(world)
    isOver = old === 0
    if (!isOver) meanwhile = outcomes.length
  }
  await eventually(() => outcomes.length === ids.length)
  end.abort()
  await Promise.all(pruning)
  await consumer.stop()

  expect(meanwhile).toBeGreaterThan(0)
  expect(new Set(outcomes)).toEqual(new Set(['handled']))
  expect(pruned.reduce((sum, each) => sum + each, 0)).toBe(OLD)
  // One statement never forgets more than so many, so that none takes long.
  expect(Math.max(...pruned)).toBeLessThanOrEqual(1_000)
  expect(await remembered(world)).toEqual({ old: 0, young: ids.length })
  const { rows } = await world.pool.query<{ deadlocks: number }>(
    'select deadlocks::int as deadlocks from pg_stat_database where datname = current_database()',
  )
  expect(rows).toEqual([{ deadlocks: 0 }])
  for (const database of databases) await database[Symbol.asyncDispose]()
})
