import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { pgDatabase } from '../../../adapters/pg/index.ts'
import type { ClaimedFailure } from '../../../src/ports.ts'
import { ADA, createWorld, type World } from './world.ts'

const BEHIND = 100

/** Takes what is due as a consumer does, and handles it. */
async function handleDue(world: World): Promise<string[]> {
  const { failures } = pgDatabase(world.pool)
  const by = { consumer: 'billing', instanceId: randomUUID(), host: 'h' }
  const handled: string[] = []
  for (;;) {
    const claimed: readonly ClaimedFailure[] = await failures.claim({ by, kind: 'sound', atMost: 10 })
    if (claimed.length === 0) return handled
    for (const one of claimed) {
      const { own } = await failures.retry(one, by, () => Promise.resolve())
      if (own) handled.push(`in-${one.failureId}`)
    }
  }
}

/** A key whose head is dead, with others waiting behind it, and another key beside it. */
async function deadHead(world: World): Promise<{ head: string; behind: string[]; other: string }> {
  const blocked = { key: 'k', blocking: true } as const
  const head = await world.fail(blocked)
  const behind: string[] = []
  for (let n = 0; n < BEHIND; n += 1) behind.push(await world.fail({ ...blocked, state: 'waiting' }))
  return { head, behind, other: await world.fail({ key: 'other', blocking: true, state: 'retry' }) }
}

test('a discarded head lets the hundred behind it go, one after the other', async () => {
  await using world = await createWorld()
  const { head, behind, other } = await deadHead(world)
  expect(await handleDue(world)).toEqual([other])
  expect(await world.operations.letters.show(head)).toMatchObject({ waiting: { count: BEHIND } })
  await world.operations.letters.discard(head, { by: ADA, reason: 'The order was a test.' })
  expect(await world.state(behind[0] ?? '')).toBe('retry')
  expect(await world.state(behind[1] ?? '')).toBe('waiting')
  expect(await handleDue(world)).toEqual(behind)
})

test('a replayed head comes first, and the hundred behind it follow in order', async () => {
  await using world = await createWorld()
  const { head, behind } = await deadHead(world)
  await world.operations.letters.replay(head, { by: ADA })
  expect(await world.state(behind[0] ?? '')).toBe('waiting')
  const handled = await handleDue(world)
  expect(handled.filter((id) => id !== head && !behind.includes(id))).toHaveLength(1)
  expect(handled.filter((id) => id === head || behind.includes(id))).toEqual([head, ...behind])
})

test('an edited head takes the place of the original, and the hundred behind it follow', async () => {
  await using world = await createWorld({ editing: true })
  const { head, behind, other } = await deadHead(world)
  const copy = await world.operations.letters.replayEdited(head, { by: ADA, payload: Buffer.from('{}') })
  const handled = await handleDue(world)
  expect(handled.filter((id) => id !== other)).toEqual([copy.id, ...behind])
})

test('of several that are dead in a key, a replayed one waits for those before it', async () => {
  await using world = await createWorld()
  const [first, second] = [
    await world.fail({ key: 'k', blocking: true }),
    await world.fail({ key: 'k', blocking: true }),
  ]
  const { letters } = world.operations
  await letters.replay(second, { by: ADA })
  expect(await world.state(second)).toBe('waiting')
  await letters.replay(first, { by: ADA })
  expect(await handleDue(world)).toEqual([first, second])
})

test('a restored head blocks its key again, once the operator has heard of the order', async () => {
  await using world = await createWorld()
  const { head, behind } = await deadHead(world)
  const { letters } = world.operations
  await letters.discard(head, { by: ADA, reason: 'By mistake.' })
  await expect(letters.restore(head, { by: ADA })).rejects.toMatchObject({
    code: 'WAYBILL_CONFIRMATION_NEEDED',
    details: { confirmations: ['order'] },
  })
  await letters.restore(head, { by: ADA, confirm: ['order'] })
  expect(await handleDue(world)).toHaveLength(1)
  await letters.replay(head, { by: ADA })
  expect((await handleDue(world)).slice(0, 2)).toEqual([head, behind[0]])
})

test('operators and consumers who meet in many keys never end in a deadlock, and nothing stays behind', async () => {
  await using world = await createWorld()
  const keys = Array.from({ length: 10 }, (_, n) => `k${String(n)}`)
  const heads: string[] = []
  for (const key of keys) {
    heads.push(await world.fail({ key, blocking: true }))
    for (let n = 0; n < 5; n += 1) await world.fail({ key, blocking: true, state: 'waiting' })
  }
  const { letters } = world.operations
  const done = { replayed: 0 }
  await Promise.all([
    ...heads.map(async (id, n) => {
      if (n % 2 === 0) await letters.discard(id, { by: ADA, reason: 'Old.' })
      else await letters.replay(id, { by: ADA })
      done.replayed += 1
    }),
    ...[1, 2, 3].map(() => handleDue(world)),
  ])
  expect(done.replayed).toBe(heads.length)
  await handleDue(world)
  const open = await world.pool.query(
    `select from waybill.failure where state in ('retry', 'waiting', 'dead')`,
  )
  expect(open.rowCount).toBe(0)
})
