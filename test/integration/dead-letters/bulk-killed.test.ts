import { expect, test } from 'vitest'
import { startChild } from '../../support/child.ts'
import { eventually } from '../../support/eventually.ts'
import { ADA, createWorld, type World } from './world.ts'

const COUNT = 10_000

test('a bulk replay of 10,000 whose process is killed twice replays each exactly once', async () => {
  await using world = await createWorld()
  const { bulk } = world.operations
  await world.pool.query(
    `insert into waybill.failure (consumer, message_id, original_id, state, version, type, exchange, routing_key,
       content_type, payload, reason)
     select 'billing', gen_random_uuid(), n::text, 'dead', 1, 'order.placed', 'e', 'r', 'application/json', '{}', 'exhausted'
     from generate_series(1, $1::integer) as n`,
    [COUNT],
  )
  const startedAt = performance.now()
  const { id } = await bulk.start({
    by: ADA,
    action: 'replay',
    selection: { filter: { consumer: 'billing' } },
    expectedCount: COUNT,
    rate: 500,
  })
  for (const killAt of [COUNT / 4, COUNT / 2]) {
    await using runner = startRunner(world)
    await doneAtLeast(world, id, killAt)
    await runner.kill('SIGKILL')
    const { done } = (await bulk.show(id)).progress
    expect(done).toBeLessThan(COUNT)
  }
  await using runner = startRunner(world)
  await doneAtLeast(world, id, COUNT)
  const tookMs = performance.now() - startedAt
  await runner.kill('SIGKILL')
  // At 500 a second it takes 20 s at least, whoever works at it.
  expect(tookMs).toBeGreaterThan((COUNT / 500) * 1000 * 0.9)
  const rows = await world.pool.query(
    `select state, replays, revision, count(*)::integer from waybill.failure group by 1, 2, 3`,
  )
  expect(rows.rows).toEqual([{ state: 'retry', replays: 1, revision: 2, count: COUNT }])
  const events = await world.pool.query(
    `select count(*)::integer, count(distinct target)::integer as letters from waybill.audit_event
     where action = 'dead-letters.replay' and outcome = 'done'`,
  )
  expect(events.rows).toEqual([{ count: COUNT, letters: COUNT }])
  expect((await bulk.show(id)).progress).toMatchObject({ matched: COUNT, done: COUNT, skipped: 0 })
})

function startRunner({ database }: World): ReturnType<typeof startChild> {
  return startChild('test/integration/dead-letters/bulk.child.ts', {
    env: { BULK_DATABASE_URL: database.url },
  })
}

async function doneAtLeast({ operations }: World, id: string, count: number): Promise<void> {
  await eventually(
    async () => {
      return (await operations.bulk.show(id)).progress.done >= count
    },
    { timeoutMs: 120_000 },
  )
}
