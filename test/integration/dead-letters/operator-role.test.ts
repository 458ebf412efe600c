import pg from 'pg'
import { expect, test } from 'vitest'
import { pgDatabase } from '../../../adapters/pg/index.ts'
import { grants } from '../../../adapters/postgres/index.ts'
import { auditConservation, createMissing, createOperations, writeMissing } from '../../../src/ports.ts'
import { ADA, createWorld, type World } from './world.ts'

test('an operator needs no more rights than its role has, and cannot rewrite what was noted', async () => {
  await using world = await createWorld()
  await using operator = await createRole(world, 'operator')
  const { letters, bulk, services, audit, messages } = createOperations({
    database: pgDatabase(operator.pool),
    editing: true,
  })
  const ids = [await world.fail({ key: 'k', blocking: true }), await world.park({ key: 'k' })]
  for (const id of ids) {
    await letters.discard(id, { by: ADA, reason: 'Old.', idempotencyKey: id })
    await letters.restore(id, { by: ADA, confirm: ['order'] })
    const copy = await letters.replayEdited(id, { by: ADA, payload: Buffer.from('{}') })
    await letters.attempts(copy.id)
    await letters.payload(copy.id)
    await letters.waiting(copy.id)
    expect((await messages.byId(copy.messageId)).places).toMatchObject([{ letterId: copy.id }])
  }
  await letters.list()
  await letters.groups()
  await messages.conversation('c')
  await world.fail()
  const { id } = await bulk.start({ by: ADA, action: 'replay', selection: { filter: {} }, rate: 1000 })
  await bulk.work()
  expect((await bulk.show(id)).progress.done).toBe(1)
  await services.pause('consumer', 'billing', { by: ADA, reason: 'So.' })
  await services.resume('consumer', 'billing', { by: ADA })
  await services.rename('billing', 'invoicing', { by: ADA })
  await services.consumers()
  await services.relays()
  await services.stats()
  await audit.denied({ by: ADA, action: 'x', target: 'y', reason: 'z' })
  expect((await audit.list({}, { limit: 1 })).items).toMatchObject([{ outcome: 'denied' }])
  await expect(operator.pool.query('delete from waybill.audit_event')).rejects.toMatchObject({
    code: '42501',
  })
  await expect(operator.pool.query('delete from waybill.failure')).rejects.toMatchObject({ code: '42501' })
  await expect(operator.pool.query('delete from waybill.outbox')).rejects.toMatchObject({ code: '42501' })
})

test('an operator may see all that waybill status tells', async () => {
  await using world = await createWorld()
  await using operator = await createRole(world, 'operator')
  const { relay } = pgDatabase(operator.pool)
  const bound = { look: 10, crowd: 10 }
  await world.park({ key: 'k' })
  expect(await relay.backlog()).toMatchObject({ parked: 1 })
  expect(await relay.countBlocked(bound)).toMatchObject({ keys: 1 })
  for (const told of [relay.meta(), relay.scheduled(), relay.lanes(), relay.clusters()]) await told
})

test('an operator may audit, and write again what is missing', async () => {
  await using world = await createWorld()
  await using operator = await createRole(world, 'operator')
  for (const n of [1, 2]) {
    await world.pool.query(`select waybill.write('order.placed', $1, null, 'orders', history => true)`, [
      { n },
    ])
  }
  await world.pool.query('delete from waybill.outbox')
  const database = pgDatabase(operator.pool)
  const missing = createMissing()
  const whole = { settleMs: 0, isWhole: true, only: ['billing'], types: ['order.placed'] }
  const audited = { producer: database, consumers: [database] }
  await auditConservation({ ...audited, ...whole, onMissing: missing.add })
  expect(missing.size).toBe(2)
  expect(await writeMissing({ producer: database, missing, by: ADA })).toBe(2)
  const { rows } = await world.pool.query('select actor, action from waybill.audit_event')
  expect(rows).toEqual([{ actor: 'ada', action: 'conservation.replay' }])
  await expect(operator.pool.query('delete from waybill.history')).rejects.toMatchObject({ code: '42501' })
})

test('a relay has the rights to do what operators have begun', async () => {
  await using world = await createWorld()
  await using relay = await createRole(world, 'relay')
  await world.fail({ key: 'k', blocking: true })
  await world.park()
  const { bulk } = world.operations
  await bulk.start({ by: ADA, action: 'discard', reason: 'Old.', selection: { filter: {} }, rate: 1000 })
  const database = pgDatabase(relay.pool)
  expect(await database.deadLetters?.wishes('h')).toEqual({ paused: false, bulkDue: true })
  await createOperations({ database }).bulk.work()
  expect((await bulk.list()).items).toMatchObject([{ progress: { done: 2 } }])
  await database.deadLetters?.forget(-1000)
  expect((await world.pool.query('select from waybill.parked')).rowCount).toBe(0)
})

/** Roles belong to the whole server, so its name carries that of the database. */
async function createRole(
  { database }: World,
  role: 'operator' | 'relay',
): Promise<AsyncDisposable & { pool: pg.Pool }> {
  const name = `${role}_${database.name}`
  await database.pool.query(`create role ${name} login`)
  for (const statement of grants({ [role]: name })) await database.pool.query(statement)
  const url = new URL(database.url)
  url.searchParams.set('options', `-c role=${name}`)
  const pool = new pg.Pool({ connectionString: url.href, max: 4 })
  return {
    pool,
    async [Symbol.asyncDispose]() {
      await pool.end()
      await database.pool.query(`drop owned by ${name}`)
      await database.pool.query(`drop role ${name}`)
    },
  }
}
