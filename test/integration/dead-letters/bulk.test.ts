import { expect, test } from 'vitest'
import type { BulkOperation, DeadLetterOperations } from '../../../src/ports.ts'
import { eventually } from '../../support/eventually.ts'
import { ADA, createWorld, type World } from './world.ts'

async function failMany(world: World, count: number, consumer = 'billing'): Promise<void> {
  await world.pool.query(
    `insert into waybill.failure (consumer, message_id, original_id, state, version, type, exchange, routing_key,
       content_type, payload, reason, fingerprint)
     select $2, gen_random_uuid(), n::text, 'dead', 1, 'order.placed', 'e', 'r', 'application/json', '{}', 'exhausted', 'f'
     from generate_series(1, $1::integer) as n`,
    [count, consumer],
  )
}

/** As consumers would: what was replayed is handled, or fails again. */
async function answerReplays({ pool }: World, outcome: 'resolved' | 'dead'): Promise<void> {
  await pool.query(
    `update waybill.failure set state = $1, next_attempt_at = null, revision = revision + 1,
       ended_at = case when $1 = 'resolved' then now() end
     where state = 'retry'`,
    [outcome],
  )
}

/** Does what is due until the operation is no longer in the state. */
async function workWhile(
  { bulk }: DeadLetterOperations,
  id: string,
  state: BulkOperation['state'],
): Promise<BulkOperation> {
  return eventually(async () => {
    await bulk.work()
    const now = await bulk.show(id)
    expect(now.state).not.toBe(state)
    return now
  })
}

test('a dry run counts, and changes nothing', async () => {
  await using world = await createWorld()
  await failMany(world, 3)
  await world.fail({ consumer: 'shipping', uncertain: true })
  await world.fail({ state: 'retry' })
  const preview = await world.operations.bulk.preview({
    by: ADA,
    action: 'replay',
    selection: { filter: {} },
  })
  expect(preview).toEqual({
    matched: { count: 4, isExact: true },
    byConsumer: [
      { consumer: 'billing', count: 3 },
      { consumer: 'shipping', count: 1 },
    ],
    needConfirmation: { uncertain: 1 },
  })
  expect((await world.operations.bulk.list()).items).toEqual([])
})

test('refuses when there are not about as many as the operator has seen', async () => {
  await using world = await createWorld()
  await failMany(world, 20)
  const start = (expectedCount: number) =>
    world.operations.bulk.start({ by: ADA, action: 'replay', selection: { filter: {} }, expectedCount })
  await expect(start(10)).rejects.toMatchObject({ code: 'WAYBILL_COUNT_CHANGED', details: { count: 20 } })
  expect((await world.operations.bulk.list()).items).toEqual([])
  expect((await world.operations.audit.list({ outcome: 'refused' })).items).toHaveLength(1)
  await expect(start(19)).resolves.toMatchObject({ progress: { matched: 20 } })
})

test('does what was chosen when it began and nothing that died since, and tells what came of it', async () => {
  await using world = await createWorld()
  const { bulk, audit } = world.operations
  await failMany(world, 5)
  const changed = await world.fail({ failedAt: '2026-01-01T00:00:00Z' })
  const { id } = await bulk.start({ by: ADA, action: 'replay', selection: { filter: {} }, rate: 1000 })
  const late = await world.fail()
  await world.operations.letters.replay(changed, { by: ADA })
  await answerReplays(world, 'dead')
  expect(await workWhile(world.operations, id, 'running')).toMatchObject({
    state: 'watching',
    progress: { matched: 6, done: 5, skipped: 1, succeeded: 0, failedAgain: 0 },
  })
  expect(await world.state(late)).toBe('dead')
  expect(await world.state(changed)).toBe('dead')
  await world.pool.query(`update waybill.failure set state = 'dead', next_attempt_at = null
    where failure_id = (select min(failure_id) from waybill.failure where state = 'retry')`)
  await answerReplays(world, 'resolved')
  expect(await workWhile(world.operations, id, 'watching')).toMatchObject({
    state: 'finished',
    progress: { succeeded: 4, failedAgain: 1 },
  })
  const { items } = await bulk.items(id)
  expect(items.map(({ outcome }) => outcome).sort()).toEqual([
    'failed-again',
    'skipped',
    'succeeded',
    'succeeded',
    'succeeded',
    'succeeded',
  ])
  const events = await audit.list({ action: 'dead-letters.replay', actor: 'ada' })
  expect(events.items.filter(({ details }) => details['bulk'] === id)).toHaveLength(6)
})

test('discards by ids, frees their keys, and skips what needs a confirmation', async () => {
  await using world = await createWorld()
  const head = await world.fail({ key: 'k', blocking: true })
  const behind = await world.fail({ key: 'k', blocking: true, state: 'waiting' })
  const parked = await world.park({ key: 'p' })
  const uncertain = await world.fail({ uncertain: true })
  const { bulk } = world.operations
  const discard = { by: ADA, action: 'discard', reason: 'Old.', rate: 1000 } as const
  const first = await bulk.start({ ...discard, selection: { ids: [head, parked, head] } })
  expect(first.progress.matched).toBe(2)
  expect(await workWhile(world.operations, first.id, 'running')).toMatchObject({
    state: 'finished',
    progress: { done: 2, succeeded: 2 },
  })
  expect(await Promise.all([head, parked, behind].map((id) => world.state(id)))).toEqual([
    'discarded',
    'discarded',
    'retry',
  ])
  const second = await bulk.start({ by: ADA, action: 'replay', selection: { ids: [uncertain] }, rate: 1000 })
  expect(await workWhile(world.operations, second.id, 'running')).toMatchObject({ progress: { skipped: 1 } })
  expect(await world.state(uncertain)).toBe('dead')
})

test('there is one at a time for a consumer, others beside it', async () => {
  await using world = await createWorld()
  await failMany(world, 2)
  await failMany(world, 2, 'shipping')
  const { bulk } = world.operations
  const of = (consumer: string) =>
    bulk.start({ by: ADA, action: 'replay', selection: { filter: { consumer } }, rate: 0.1 })
  const results = await Promise.allSettled([of('billing'), of('billing'), of('shipping')])
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(2)
  const failed = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []))
  expect(failed).toMatchObject([
    { code: 'WAYBILL_STATE_CONFLICT', details: { bulkId: expect.stringMatching(/^bulk-/) as string } },
  ])
})

test('goes on with the rest only when the canary was handled', async () => {
  await using world = await createWorld()
  await failMany(world, 10)
  const { bulk } = world.operations
  const { id } = await bulk.start({
    by: ADA,
    action: 'replay',
    selection: { filter: {} },
    rate: 1000,
    canary: 2,
  })
  await eventually(async () => {
    await bulk.work()
    return (await bulk.show(id)).progress.done === 2
  })
  for (let i = 0; i < 3; i += 1) await bulk.work()
  expect((await bulk.show(id)).progress.done).toBe(2)
  await answerReplays(world, 'dead')
  const paused = await workWhile(world.operations, id, 'running')
  expect(paused).toMatchObject({ state: 'paused', progress: { done: 2, failedAgain: 2 } })
  expect(paused.pauseReason).toContain('canary')
  await bulk.resume(id, { by: ADA })
  expect(await workWhile(world.operations, id, 'running')).toMatchObject({ progress: { done: 10 } })
})

test('pauses when too many have failed again, and can be paused, resumed and cancelled by hand', async () => {
  await using world = await createWorld()
  await failMany(world, 30)
  const { bulk } = world.operations
  const start = { by: ADA, action: 'replay', selection: { filter: {} }, rate: 20, stopAfter: 3 } as const
  const { id } = await bulk.start(start)
  await bulk.pause(id, { by: ADA })
  expect(await bulk.work()).toBeNull()
  await expect(bulk.pause(id, { by: ADA })).rejects.toMatchObject({ code: 'WAYBILL_STATE_CONFLICT' })
  await bulk.resume(id, { by: ADA })
  const stopped = await eventually(async () => {
    await bulk.work()
    await answerReplays(world, 'dead')
    const now = await bulk.show(id)
    expect(now.state).toBe('paused')
    return now
  })
  expect(stopped.progress.failedAgain).toBeGreaterThanOrEqual(3)
  expect(stopped.progress.done).toBeLessThan(30)
  await bulk.cancel(id, { by: ADA })
  expect((await bulk.show(id)).state).toBe('cancelled')
  expect(await bulk.work()).toBeNull()
  await expect(bulk.resume(id, { by: ADA })).rejects.toMatchObject({ code: 'WAYBILL_STATE_CONFLICT' })
  expect((await bulk.items(id)).items.at(-1)).toMatchObject({ outcome: 'pending' })
})
