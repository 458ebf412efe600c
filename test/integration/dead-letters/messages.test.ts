import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { createWorld } from './world.ts'

test('finds a message by its id wherever something of it is: outbox, schedule, relays, consumers, inboxes', async () => {
  await using world = await createWorld()
  const { pool, operations } = world
  const write = async (text: string): Promise<string> =>
    (await pool.query<{ id: string }>(`select ${text} as id`)).rows[0]?.id ?? ''
  const placesOf = async (id: string) => (await operations.messages.byId(id)).places
  const waiting = await write(
    `waybill.write(type => 'a', key => null, payload => '{}'::jsonb, source => 's')`,
  )
  expect(await placesOf(waiting)).toMatchObject([{ place: 'outbox', type: 'a', letterId: null }])
  const later = await write(
    `waybill.schedule(type => 'a', key => null, payload => '{}'::jsonb, source => 's', deliver_at => now() + interval '1 day')`,
  )
  expect(await placesOf(later)).toMatchObject([{ place: 'scheduled', type: 'a' }])
  const parked = await world.park()
  const { messageId } = await operations.letters.show(parked)
  expect(await placesOf(messageId)).toMatchObject([{ place: 'parked', state: 'dead', letterId: parked }])

  const handled = randomUUID()
  const failed = await world.fail({ messageId: handled, consumer: 'shipping' })
  await pool.query(
    `insert into waybill.inbox (message_id, consumer, fingerprint) values ($1, 'billing', 1)`,
    [handled],
  )
  expect(await placesOf(handled.toUpperCase())).toMatchObject([
    { place: 'failure', consumer: 'shipping', state: 'dead', letterId: failed },
    { place: 'inbox', consumer: 'billing', state: null, letterId: null },
  ])
  await pool.query(`update waybill.failure set original_id = 'theirs-7'`)
  expect(await placesOf('theirs-7')).toMatchObject([{ place: 'failure', letterId: failed }])
  expect(await operations.messages.byId(randomUUID())).toMatchObject({ places: [], isComplete: true })
})

test('tells a conversation in the order in which it was spoken, with what caused what', async () => {
  await using world = await createWorld()
  const { pool, operations } = world
  const cause = randomUUID()
  const failed = await world.fail({ messageId: cause, correlationId: 'walk' })
  await world.fail({ correlationId: 'another' })
  await world.park({ headers: '{"correlation-id":"walk"' })
  const parked = await world.park({ headers: `{"correlation-id":"walk","waybill-causation":"${cause}"}` })
  await pool.query(
    `select waybill.write(type => 'a', key => null, payload => '{"correlation-id":"walk"}'::jsonb, source => 's')`,
  )
  const { messages, isComplete } = await operations.messages.conversation('walk')
  expect(messages).toMatchObject([
    { letterId: failed, place: 'failure', causationId: null, messageId: cause },
    { letterId: parked, place: 'parked', causationId: cause },
  ])
  expect(isComplete).toBe(true)
})

test('counts up to ten thousand, and says when there are more', async () => {
  await using world = await createWorld()
  await world.pool.query(`
    insert into waybill.failure (consumer, message_id, original_id, state, version, type, exchange, routing_key,
      content_type, payload, reason)
    select 'billing', gen_random_uuid(), n::text, 'dead', 1, 'order.placed', 'e', 'r', 'application/json', '{}', 'exhausted'
    from generate_series(1, 10000) as n`)
  const { letters, services, bulk } = world.operations
  const totals = async () => [
    (await letters.list({ consumer: 'billing' })).total,
    (await services.stats()).in.dead,
    (await services.consumers())[0]?.dead,
  ]
  expect(await totals()).toEqual(Array(3).fill({ count: 10_000, isExact: true }))
  await world.fail()
  expect(await totals()).toEqual(Array(3).fill({ count: 10_000, isExact: false }))
  const by = { name: 'ada', via: 'cli' } as const
  const preview = await bulk.preview({ by, action: 'replay', selection: { filter: {} } })
  expect(preview.matched).toEqual({ count: 10_001, isExact: true })
  const few = await bulk.preview({ by, action: 'replay', selection: { filter: {} }, max: 100 })
  expect(few.byConsumer).toEqual([{ consumer: 'billing', count: 100 }])
})
