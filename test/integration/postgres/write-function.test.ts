import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { pgDatabase } from '../../../adapters/pg/index.ts'
import { createOutbox, defineMessages, messageType } from '../../../src/index.ts'
import { createReader } from '../../../testing/contracts/relay-store-reader.ts'
import { createSetting } from './setting.ts'

const WELL_FORMED = fc.string({ unit: 'grapheme', maxLength: 60 }).filter((text) => !text.includes('\0'))

test('the database computes the same checksum as Node.js, for every text', async () => {
  await using setting = await createSetting()
  await fc.assert(
    fc.asyncProperty(fc.array(WELL_FORMED, { minLength: 1, maxLength: 50 }), async (texts) => {
      const { rows } = await setting.pool.query<{ crc: string; lane: number }>(
        `select waybill.crc32(convert_to(t, 'UTF8')) as crc, waybill.lane_of(t, null) as lane
         from unnest($1::text[]) with ordinality as u (t, place) order by place`,
        [texts],
      )
      expect(rows.map(({ crc }) => Number(crc))).toEqual(texts.map((text) => crc32(text)))
      expect(rows.map(({ lane }) => lane)).toEqual(texts.map((text) => crc32(text) % 16))
    }),
    { numRuns: 50 },
  )
})

test('a message written by SQL is a record like any other', async () => {
  await using setting = await createSetting()
  const reader = await createReader(setting.store)
  const { rows } = await setting.pool.query<{ id: string }>(
    `select waybill.write('order.placed', '{"total": 12.50, "name": "Ω"}', 'order 1', 'orders') as id`,
  )
  const [found] = await reader.everything()
  expect(found).toMatchObject({
    messageId: rows[0]?.id,
    type: 'order.placed',
    version: 1,
    source: 'orders',
    key: 'order 1',
    lane: crc32('order 1') % 16,
    exchange: 'orders.events',
    routingKey: 'order.placed',
    headers: '{}',
    contentType: 'application/json',
  })
  expect(found?.payload.toString()).toBe('{"name": "Ω", "total": 12.50}')
})

test('everything can be said by name', async () => {
  await using setting = await createSetting()
  const reader = await createReader(setting.store)
  const messageId = '01890a5d-ac96-774b-bcce-b302099a8057'
  await setting.pool.query(
    `select waybill.write(
       type => 'order.placed', payload => 'null', key => null, source => 'orders', version => 3,
       exchange => 'special', routing_key => 'order.eu', headers => '{"tenant": "a", "traceparent": "00-aa-bb-01"}',
       correlation_id => 'talk', causation_id => 'cause', message_id => $1)`,
    [messageId],
  )
  const [found] = await reader.everything()
  expect(found).toMatchObject({
    messageId,
    version: 3,
    key: null,
    exchange: 'special',
    routingKey: 'order.eu',
  })
  expect(found?.lane).toBe(crc32(messageId) % 16)
  expect(JSON.parse(found?.headers ?? '')).toEqual({
    tenant: 'a',
    traceparent: '00-aa-bb-01',
    'correlation-id': 'talk',
    'waybill-causation': 'cause',
  })
})

test('a message is partitioned and knows what becomes of it without a queue, as its type says elsewhere', async () => {
  await using setting = await createSetting()
  const reader = await createReader(setting.store)
  const messages = defineMessages(
    { 'order.placed': messageType<object>({ partitioned: true, unroutable: 'dead' }) },
    { source: 'orders' },
  )
  const database = pgDatabase(setting.pool)
  const outbox = createOutbox({ source: 'orders', messages, database })
  const messageId = '01890a5d-ac96-774b-bcce-b302099a8057'
  const one = { type: 'order.placed', payload: {}, headers: { tenant: 'ä' }, correlationId: 'talk' } as const
  for (const key of ['order 1', 'Ω', null]) {
    await database.transaction((tx) => outbox.write(tx, { ...one, key, messageId }))
    const rest = `type => 'order.placed', payload => '{}', key => $1, source => 'orders', headers => '{"tenant": "ä"}',
      correlation_id => 'talk', message_id => $2, partitioned => true, unroutable => 'dead'`
    await setting.pool.query(`select waybill.write(${rest})`, [key, messageId])
    await setting.pool.query(`select waybill.schedule(deliver_at => '2999-01-01', ${rest})`, [key, messageId])
    const { rows } = await setting.pool.query<{ headers: string }>(
      'delete from waybill.scheduled returning headers',
    )
    const records = await reader.everything()
    await setting.store.settle(records)
    const [byLibrary, bySql, later] = [...records, ...rows].map(
      ({ headers }) => JSON.parse(headers) as object,
    )
    expect(byLibrary).toMatchObject({
      'waybill-slot': expect.any(String) as string,
      'waybill-unroutable': 'dead',
    })
    expect(bySql).toEqual(byLibrary)
    expect(later).toEqual(byLibrary)
  }
  const plain = `select waybill.write('t', '{}', 'k', 's'`
  await setting.pool.query(`${plain}, unroutable => 'hold')`)
  await setting.pool.query(`${plain}, partitioned => null)`)
  expect((await reader.everything()).map(({ headers }) => JSON.parse(headers) as object)).toEqual([
    { 'waybill-unroutable': 'hold' },
    {},
  ])
  await expect(setting.pool.query(`${plain}, unroutable => 'drop')`)).rejects.toMatchObject({ code: '22023' })
})

test('message ids are UUIDs of version 7 that carry the time and never repeat', async () => {
  await using setting = await createSetting()
  const { rows } = await setting.pool.query<{ id: string; now: string }>(
    `select waybill.new_message_id() as id, extract(epoch from clock_timestamp()) * 1000 as now
     from generate_series(1, 1000)`,
  )
  expect(new Set(rows.map(({ id }) => id)).size).toBe(1000)
  for (const { id, now } of rows) {
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    const time = Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)
    expect(Math.abs(time - Number(now))).toBeLessThan(1000)
  }
})

test('a trigger writes in the transaction that fires it', async () => {
  await using setting = await createSetting()
  const { pool } = setting
  const reader = await createReader(setting.store)
  await pool.query('create table orders (id text primary key, total integer)')
  await pool.query(`
    create function announce() returns trigger language plpgsql as $$
    begin
      perform waybill.write('order.placed', to_jsonb(new), new.id, 'orders');
      return new;
    end $$`)
  await pool.query('create trigger announce after insert on orders for each row execute function announce()')
  const client = await setting.connect()
  await client.query('begin')
  await client.query(`insert into orders values ('undone', 1)`)
  await client.query('rollback')
  await pool.query(`insert into orders values ('a', 1), ('b', 2)`)
  const found = await reader.everything()
  const byPosition = found.toSorted((one, other) => one.position - other.position)
  expect(byPosition.map(({ key, payload }) => [key, JSON.parse(payload.toString()) as unknown])).toEqual([
    ['a', { id: 'a', total: 1 }],
    ['b', { id: 'b', total: 2 }],
  ])
})

test.for([
  ['a missing type', `null, '{}', 'k', 's'`, 'type'],
  ['an empty type', `'', '{}', 'k', 's'`, 'type'],
  ['a type that is too long', `repeat('ä', 128), '{}', 'k', 's'`, 'type'],
  ['a type with a line break', `E'a\\nb', '{}', 'k', 's'`, 'type'],
  ['a missing source', `'t', '{}', 'k', null`, 'source'],
  ['a source with a space', `'t', '{}', 'k', 'a b'`, 'source'],
  ['a source that is too long', `'t', '{}', 'k', repeat('s', 201)`, 'source'],
  ['a missing payload', `'t', null, 'k', 's'`, 'payload'],
  ['a payload that is too large', `'t', to_jsonb(repeat('x', 1048577)), 'k', 's'`, 'payload'],
  ['an empty key', `'t', '{}', '', 's'`, 'key'],
  ['a key that is too long', `'t', '{}', repeat('k', 1025), 's'`, 'key'],
  ['version 0', `'t', '{}', 'k', 's', version => 0`, 'version'],
  ['an exchange that is too long', `'t', '{}', 'k', 's', exchange => repeat('e', 256)`, 'exchange'],
  ['a wildcard', `'t', '{}', 'k', 's', routing_key => 'a.#'`, 'routing key'],
  ['headers that are an array', `'t', '{}', 'k', 's', headers => '[]'`, 'headers'],
  ['a header that is a number', `'t', '{}', 'k', 's', headers => '{"a": 1}'`, 'headers'],
  ['a reserved header', `'t', '{}', 'k', 's', headers => '{"X-Death": "1"}'`, 'headers'],
  ['a reserved name', `'t', '{}', 'k', 's', headers => '{"correlation-id": "1"}'`, 'headers'],
  [
    'headers that are too large',
    `'t', '{}', 'k', 's', headers => jsonb_build_object('a', repeat('x', 32768))`,
    'headers',
  ],
] as const)('%s is refused by name, and nothing is written', async ([, args, name]) => {
  await using setting = await createSetting()
  await expect(setting.pool.query(`select waybill.write(${args})`)).rejects.toMatchObject({
    code: '22023',
    message: expect.stringContaining(`its ${name} `) as string,
  })
  expect((await setting.store.backlog()).records).toBe(0)
})

test('what a caller has in its search path does not matter', async () => {
  await using setting = await createSetting()
  const client = await setting.connect()
  await client.query('create schema evil')
  await client.query(
    `create function evil.clock_timestamp() returns timestamptz language sql as $$ select 'epoch'::timestamptz $$`,
  )
  await client.query('create table evil.outbox ()')
  await client.query('set search_path = evil, pg_catalog')
  await client.query('set standard_conforming_strings = off')
  const { rows } = await client.query<{ id: string }>(
    `select waybill.write('order.shipped', '{}', 'k', 'ships') as id`,
  )
  expect(rows[0]?.id.startsWith('00000000')).toBe(false)
  expect((await setting.store.backlog()).records).toBe(1)
})
