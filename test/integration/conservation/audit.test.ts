import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { createConservationStore } from '../../../adapters/postgres/conservation-store.ts'
import type { ConservationStore } from '../../../src/ports.ts'
import { fingerprintOf } from '../../../src/inbox/fingerprint.ts'
import { eventually } from '../../support/eventually.ts'
import { rawPool } from '../postgres/setting.ts'
import { createWorld, type World } from './world.ts'

const MINUTE_MS = 60_000
const PLACED = fingerprintOf({ source: 'orders', type: 'order.placed' })

/** Some messages that were noted in each of many minutes and handled, as if it had been so; nothing was sent. */
async function happened({ producer, consumer }: World, minutes: number, perMinute: number): Promise<void> {
  const { rows } = await producer.pool.query<{ id: string }>(
    `insert into waybill.history (minute, written_at, lane, message_id, type, source, exchange, routing_key, payload)
     select at / 60000, to_timestamp(at / 1000), 0, encode(overlay(uuid_send(gen_random_uuid())
         placing substring(int8send(at) from 3) from 1 for 6), 'hex')::uuid, 'order.placed', 'orders',
       'orders.events', 'order.placed', '{}'
     from (select floor(extract(epoch from now()) * 1000)::int8 - m * 60000 - n as at
           from generate_series(1, $1) as m, generate_series(1, $2) as n) as times
     returning message_id as id`,
    [minutes, perMinute],
  )
  // gen_random_uuid makes version 4.
  await producer.pool.query(
    `update waybill.history set message_id = overlay(message_id::text placing '7' from 15 for 1)::uuid`,
  )
  await consumer.pool.query(
    `insert into waybill.inbox (message_id, consumer, fingerprint)
     select overlay(id::text placing '7' from 15 for 1)::uuid, 'billing', $2 from unnest($1::uuid[]) as id`,
    [rows.map(({ id }) => id), PLACED],
  )
}

async function remember({ consumer }: World, ids: readonly string[], fingerprint = PLACED): Promise<void> {
  await consumer.pool.query(
    `insert into waybill.inbox (message_id, consumer, fingerprint) select id, 'billing', $2 from unnest($1::uuid[]) as id`,
    [ids, fingerprint],
  )
}

const onlyOf = async (
  world: World,
  options = {},
): Promise<Awaited<ReturnType<World['audit']>>['consumers'][number]> => {
  const { consumers, notes } = await world.audit(options)
  const [one] = consumers
  if (one === undefined) throw new Error(`Nothing was judged: ${notes.join(' ')}`)
  return one
}

test('names exactly what was purged from a queue behind the back of everybody', async () => {
  await using world = await createWorld()
  const consumer = await world.consume()
  await world.relay()
  await world.write(30)
  await world.published()
  await world.handled(30)
  expect(await onlyOf(world)).toMatchObject({ expected: 30, missing: { count: 0 }, unexpected: { count: 0 } })
  await consumer.stop()
  const lost = await world.write(20)
  await world.published()
  expect(await world.purge()).toBe(20)
  await world.consume()
  await world.write(5)
  await world.handled(35)
  const found = await onlyOf(world)
  expect(found).toMatchObject({
    expected: 55,
    missing: { count: 20 },
    unexpected: { count: 0, messages: [] },
  })
  expect(found.missing.messages.map(({ messageId }) => messageId).sort()).toEqual(lost.sort())
})

test('takes nothing for a gap that is still where it was written, or that the consumer keeps as a failure', async () => {
  await using world = await createWorld()
  const ids = await world.write(6)
  await world.producer.pool.query(
    `with gone as (delete from waybill.outbox where message_id = any ($1) returning *)
     insert into waybill.parked (id, lane, version, created_at, message_id, key, type, source, exchange, routing_key,
       headers, content_type, payload, state, next_attempt_at, reason, error)
     select id, lane, version, created_at, message_id, key, type, source, exchange, routing_key, headers, content_type,
       payload, (array['retry', 'dead', 'discarded'])[array_position($1, message_id)], now() + interval '1 day', 'x', ''
     from gone`,
    [ids.slice(0, 3)],
  )
  await world.producer.pool.query('delete from waybill.outbox where message_id = any ($1)', [ids.slice(3, 5)])
  await world.consumer.pool.query(
    `insert into waybill.failure (consumer, message_id, original_id, state, version, type, exchange, routing_key,
       content_type, payload, reason)
     select 'billing', id, id::text, 'dead', 1, 'order.placed', 'e', 'r', 'text/plain', '', 'exhausted'
     from unnest($1::uuid[]) as id`,
    [ids.slice(3, 5)],
  )
  expect(await onlyOf(world)).toMatchObject({
    ...{ expected: 2, missing: { count: 0 }, unexpected: { count: 0 } },
    waiting: { outbox: 1, retry: 1, dead: 1, discarded: 1 },
  })
})

test('names what a consumer remembers and nobody has noted, of this source and of types that it is asked about', async () => {
  await using world = await createWorld()
  const ids = await world.write(3)
  await world.producer.pool.query('delete from waybill.outbox')
  await remember(world, ids)
  const ghost = idAt(Date.now())
  await remember(world, [ghost])
  await remember(world, [idAt(Date.now())], fingerprintOf({ source: 'payments', type: 'order.placed' }))
  await remember(world, [idAt(Date.now())], fingerprintOf({ source: 'orders', type: 'other' }))
  const edited = idAt(Date.now())
  await remember(world, [edited])
  await world.consumer.pool.query(
    `insert into waybill.failure (consumer, message_id, original_id, state, version, type, exchange, routing_key,
       content_type, payload, reason, edited_from)
     values ('billing', $1, '', 'dead', 1, 'order.placed', 'e', 'r', 'text/plain', '', 'exhausted', 1)`,
    [edited],
  )
  const { unexpected, missing } = await onlyOf(world)
  expect(unexpected.messages.map(({ messageId }) => messageId)).toEqual([ghost])
  expect(missing.count).toBe(0)
})

test('a rolled back message is neither noted nor missed', async () => {
  await using world = await createWorld()
  await world.write(1)
  await world.producer.pool.query('delete from waybill.outbox')
  const before = (await onlyOf(world)).missing.count
  const client = await world.producer.pool.connect()
  await client.query('begin')
  await client.query(`select waybill.write('order.placed', '{}', null, 'orders', history => true)`)
  await client.query('rollback')
  client.release()
  expect((await onlyOf(world)).missing.count).toBe(before)
})

test('compares a hundred thousand ids of many minutes by numbers, and fetches those of the differing minutes alone', async () => {
  await using world = await createWorld()
  await happened(world, 100, 1000)
  const { rows } = await world.consumer.pool.query<{ id: string }>(
    `delete from waybill.inbox where ctid in (select ctid from waybill.inbox order by message_id limit 3 offset 50000)
     returning message_id as id`,
  )
  let fetched = 0
  const counting = (pool: World['producer']['pool']): { conservation: ConservationStore } => {
    const raw = rawPool(pool)
    const query: typeof raw.query = async (text, values) => {
      const answer = await raw.query(text, values)
      fetched += answer.length
      return answer
    }
    return { conservation: createConservationStore({ ...raw, query }, { schema: 'waybill' }) }
  }
  const found = await onlyOf(world, {
    producer: counting(world.producer.pool),
    consumers: [counting(world.consumer.pool)],
  })
  expect(found.expected).toBe(100_000)
  expect(found.missing.messages.map(({ messageId }) => messageId).sort()).toEqual(
    rows.map(({ id }) => id).sort(),
  )
  expect(fetched).toBeLessThan(7000)
})

test('messages whose ids tell no time, or a wrong one, are missed by their ids', async () => {
  await using world = await createWorld()
  const strange = [
    randomUUID(),
    randomUUID(),
    idAt(Date.now() - 5 * 3_600_000),
    idAt(Date.now() + 5 * 3_600_000),
  ]
  for (const id of strange) {
    await world.producer.pool.query(
      `select waybill.write('order.placed', '{}', null, 'orders', message_id => $1, history => true)`,
      [id],
    )
  }
  await world.producer.pool.query('delete from waybill.outbox')
  await remember(world, strange.slice(1, 3))
  const { missing, unexpected } = await onlyOf(world)
  expect(missing.messages.map(({ messageId }) => messageId).sort()).toEqual([strange[0], strange[3]].sort())
  expect(unexpected.count).toBe(0)
})

test('what comes between the readings is neither missing nor unexpected', async () => {
  await using world = await createWorld()
  const ids = await world.write(10)
  await world.producer.pool.query('delete from waybill.outbox')
  const store = world.taking.conservation
  if (store === undefined) throw new Error('There is no store.')
  const late: ConservationStore = {
    ...store,
    async rememberedIn(query) {
      const before = await store.rememberedIn(query)
      await remember(world, ids.slice(0, 8))
      await world.producer.pool.query(
        `select waybill.write('order.placed', '{}', null, 'orders', message_id => $1)`,
        [ids[8]],
      )
      return before
    },
  }
  const { missing, unexpected } = await onlyOf(world, { consumers: [{ conservation: late }] })
  expect(missing.messages.map(({ messageId }) => messageId)).toEqual([ids[9]])
  expect(unexpected.count).toBe(0)
})

test('what is forgotten while it is read is judged by nobody', async () => {
  await using world = await createWorld()
  await happened(world, 3, 10)
  await world.write(1)
  const store = world.writing.conservation
  if (store === undefined) throw new Error('There is no store.')
  let once = true
  const forgetting: ConservationStore = {
    ...store,
    async noted(query) {
      if (once) {
        once = false
        const minute = Math.floor(Date.now() / MINUTE_MS)
        await world.producer.pool.query('delete from waybill.history where minute < $1', [minute])
        await world.producer.pool.query('update waybill.history_kept set from_minute = $1', [minute])
      }
      return store.noted(query)
    },
  }
  expect(await onlyOf(world, { producer: { conservation: forgetting } })).toMatchObject({
    unexpected: { count: 0 },
    waiting: { outbox: 1 },
  })
})

test('a consumer says what it takes and since when, and is held to that alone', async () => {
  await using world = await createWorld()
  const early = await world.write(4)
  await world.producer.pool.query('delete from waybill.outbox')
  await world.consume()
  const said = async (): Promise<readonly object[]> =>
    (
      await world.consumer.pool.query<object>(
        'select type, exchange, queue, until from waybill.consumed_type order by type',
      )
    ).rows
  const both = ['order.paid', 'order.placed'].map((type) => ({
    type,
    exchange: 'orders.events',
    queue: 'billing',
    until: null,
  }))
  await eventually(async () => (await said()).length === 2)
  expect(await said()).toEqual(both)
  const byItself = { types: undefined, only: undefined }
  expect(await world.audit(byItself)).toMatchObject({ consumers: [] })
  await world.consumer.pool.query(`update waybill.consumed_type set since = since - interval '1 hour'`)
  expect((await onlyOf(world, byItself)).missing.count).toBe(early.length)

  const { sayTypes } = world.taking.inbox
  const { rows: before } = await world.consumer.pool.query(
    'select type, since from waybill.consumed_type order by type',
  )
  const placed = { type: 'order.placed', exchange: 'orders.events', routingKey: 'order.placed' }
  await sayTypes?.({ consumer: 'billing', queue: 'billing', types: [placed] })
  expect(await said()).toMatchObject([{ until: expect.any(Date) as Date }, { until: null }])
  const { rows: after } = await world.consumer.pool.query(
    'select type, since from waybill.consumed_type order by type',
  )
  expect(after).toEqual(before)
  await sayTypes?.({ consumer: 'billing', queue: 'billing', types: [{ ...placed, exchange: 'other' }] })
  const { rows: moved } = await world.consumer.pool.query<{ recent: boolean }>(
    `select since > now() - interval '1 minute' as recent from waybill.consumed_type where type = 'order.placed'`,
  )
  expect(moved).toEqual([{ recent: true }])
})

test('says what it cannot judge, instead of taking it for well or for a gap', async () => {
  await using world = await createWorld()
  expect(await world.audit()).toMatchObject({
    consumers: [],
    notes: [expect.stringContaining('the history has nothing')],
  })
  await expect(world.audit({ only: ['billing', 'typo'], types: undefined })).rejects.toMatchObject({
    code: 'WAYBILL_NOT_FOUND',
  })
  await world.write(1)
  await world.taking.inbox.claimPruning({
    consumer: 'billing',
    holder: randomUUID(),
    retentionMs: 3_600_000,
    leaseMs: 0,
  })
  const from = new Date(Date.now() - 7_200_000)
  expect((await world.audit({ from })).notes).toEqual([
    expect.stringMatching(/nothing before .* is judged: "billing" remembers no more/),
    expect.stringMatching(/The history has nothing for "billing" before/),
  ])
  const now = Math.floor(Date.now() / MINUTE_MS)
  await world.producer.pool.query('update waybill.history_kept set from_minute = $1', [now - 30])
  expect((await world.audit({ from })).notes[0]).toContain('the history was forgotten before')
  const to = new Date(Date.now() + 3_600_000)
  const settling = await world.audit({ settleMs: 60_000, to })
  expect(settling.consumers).toEqual([])
  expect(settling.notes[0]).toContain('it has not settled yet')
})

/** A UUIDv7 of that time. */
function idAt(ms: number): string {
  const hex = Math.floor(ms).toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7${randomUUID().slice(15)}`
}
