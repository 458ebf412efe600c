import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { pgDatabase } from '../../../adapters/pg/index.ts'
import { grants, migrate, SCHEMA_VERSION } from '../../../adapters/postgres/index.ts'
import { MIGRATIONS } from '../../../adapters/postgres/migrations.ts'
import { createConsumer, createInbox, createOutbox, defineMessages, messageType } from '../../../src/index.ts'
import { memoryTransport } from '../../../adapters/memory/index.ts'
import { createTestDatabase } from '../../support/database.ts'
import { createSetting, rawPool } from './setting.ts'

const messages = defineMessages({ 'order.placed': messageType<{ n: number }>() }, { source: 'orders' })
const order = { type: 'order.placed', payload: { n: 1 } } as const

/** A later release has changed the schema so that code before it may not run any more. */
const NO_LONGER = `update waybill.meta set version = ${String(SCHEMA_VERSION + 2)}, min_compatible = ${String(SCHEMA_VERSION + 1)}`

test('a writer and an inbox are refused by a schema that has left them behind, and nothing is written', async () => {
  await using setting = await createSetting()
  const { pool } = setting
  const database = pgDatabase(pool)
  const outbox = createOutbox({ source: 'orders', messages, database })
  const inbox = createInbox({ database })
  await pool.query(NO_LONGER)
  const later = { ...order, deliverAt: new Date(4e12) }
  const entry = { consumer: 'billing', messageId: randomUUID() }
  await database.transaction(async (tx) => {
    const refused = { code: 'WAYBILL_SCHEMA_TOO_NEW' }
    await expect(outbox.write(tx, order)).rejects.toMatchObject(refused)
    await expect(outbox.write(tx, later)).rejects.toMatchObject(refused)
    await expect(outbox.cancel(tx, randomUUID())).rejects.toMatchObject(refused)
    await expect(inbox.once(tx, entry, () => Promise.resolve())).rejects.toMatchObject(refused)
  })
  const { rows } = await pool.query(
    `select (select count(*) from waybill.outbox)::int + (select count(*) from waybill.scheduled)::int
       + (select count(*) from waybill.inbox)::int as n`,
  )
  expect(rows).toEqual([{ n: 0 }])
  const handlers = { 'order.placed': () => undefined }
  const consumer = createConsumer({
    name: 'billing',
    messages,
    database,
    transport: memoryTransport(),
    handlers,
  })
  await expect(consumer.start()).rejects.toMatchObject({ code: 'WAYBILL_SCHEMA_TOO_NEW' })
})

test('the schema is asked once by each process, in the transaction of its first write', async () => {
  await using setting = await createSetting()
  const client = await setting.connect()
  const texts: string[] = []
  const query = client.query.bind(client) as (...given: unknown[]) => unknown
  client.query = ((...given: unknown[]) => {
    texts.push(textOf(given[0]))
    return query(...given)
  }) as typeof client.query
  const outbox = createOutbox({ source: 'orders', messages, database: pgDatabase(setting.pool) })
  for (let n = 0; n < 3; n += 1) {
    await client.query('begin')
    await outbox.write(client, order)
    await client.query('commit')
  }
  expect(texts.filter((text) => text.includes('min_compatible'))).toHaveLength(1)
  expect(texts.filter((text) => text.includes('append'))).toHaveLength(3)
})

test('a writer that may not ask goes on, and one on an older schema learns what to do when it lacks something', async () => {
  await using database = await createTestDatabase()
  await migrate(rawPool(database.pool), { migrations: MIGRATIONS.slice(0, 5) })
  const older = pgDatabase(database.pool)
  const outbox = createOutbox({ source: 'orders', messages, database: older })
  await expect(older.transaction((tx) => outbox.write(tx, order))).rejects.toMatchObject({
    code: 'WAYBILL_SCHEMA_TOO_OLD',
    message: expect.stringContaining('waybill migrate') as string,
  })
  await migrate(rawPool(database.pool))
  await older.transaction((tx) => outbox.write(tx, order))

  const role = `"writer of ${database.name}"`
  await database.pool.query(`create role ${role} login superuser`)
  await using _ = {
    [Symbol.asyncDispose]: async () => {
      await database.pool.query(`drop owned by ${role}; drop role ${role}`)
    },
  }
  await database.pool.query(`alter role ${role} nosuperuser`)
  for (const statement of grants({ writer: role.slice(1, -1) })) await database.pool.query(statement)
  await database.pool.query(`revoke select on waybill.meta from ${role}`)
  const blind = pgDatabase(database.pool)
  const unasked = createOutbox({ source: 'orders', messages, database: blind })
  await blind.transaction(async (tx) => {
    await tx.query(`set local role ${role}`)
    await unasked.write(tx, order)
  })
  const { rows } = await database.pool.query('select count(*)::int as n from waybill.outbox')
  expect(rows).toEqual([{ n: 2 }])
})

function textOf(given: unknown): string {
  if (typeof given === 'string') return given
  return typeof given === 'object' && given !== null && 'text' in given ? String(given.text) : ''
}
