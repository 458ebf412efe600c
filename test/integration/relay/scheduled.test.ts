import pg from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { pgDatabase } from '../../../adapters/pg/index.ts'
import { createOutbox, defineMessages, messageType } from '../../../src/index.ts'
import { eventually } from '../../support/eventually.ts'
import { createWorld, type World } from './world.ts'

const messages = defineMessages({ test: messageType<number>() }, { source: 'tests' })

let world: World
beforeEach(async () => {
  world = await createWorld()
})
afterEach(async () => {
  await world[Symbol.asyncDispose]()
})

const scheduled = async (): Promise<number> => {
  const { rows } = await world.database.pool.query<{ n: number }>(
    'select count(*)::int as n from waybill.scheduled',
  )
  return rows[0]?.n ?? NaN
}

test('10,000 messages that are due at once arrive in their order, none lost, while the relays that move them die', async () => {
  const { pool } = world.database
  await pool.query(`
    insert into waybill.scheduled (deliver_at, lane, message_id, key, type, source, exchange, routing_key, payload)
    select now() - interval '1 hour' + n * interval '1 ms', 7, gen_random_uuid(), 'key-' || n % 40, 'test', 'tests',
      'tests.events', 'test', convert_to((n / 40)::text, 'UTF8')
    from generate_series(0, 9999) as n`)
  for (let death = 0; death < 3; death += 1) {
    const victim = await world.start()
    const before = await scheduled()
    await eventually(async () => (await scheduled()) < before, { everyMs: 1 })
    await victim.kill()
  }
  await world.start()
  await eventually(async () => (await scheduled()) === 0 && (await world.left()) === 0)
  const { arrived } = world.broker
  const first = [...new Map(arrived.map((message) => [message.messageId, message])).values()]
  expect(first).toHaveLength(10_000)
  const next = new Map<string, number>()
  for (const { key, body } of first) {
    expect(Number(body.toString())).toBe(next.get(String(key)) ?? 0)
    next.set(String(key), Number(body.toString()) + 1)
  }
})

describe('a message that is written for later', () => {
  test('is published when it is due, soon after and never before, and takes its place among those of its key then', async () => {
    const pool = new pg.Pool({ connectionString: world.database.url })
    const database = pgDatabase(pool)
    const outbox = createOutbox({ source: 'tests', messages, database })
    const arrivals: number[] = []
    world.broker.answer = () => {
      arrivals.push(Date.now())
      return { kind: 'confirmed' }
    }
    await world.start()
    const deliverAt = new Date(Date.now() + 1500)
    const cancelled = await database.transaction(async (tx) => {
      const [, , last] = await outbox.write(tx, [
        { type: 'test', key: 'k', payload: 3, deliverAt },
        { type: 'test', key: 'k', payload: 1 },
        { type: 'test', key: 'k', payload: 9, deliverAt },
      ])
      return last?.messageId ?? ''
    })
    await database.transaction((tx) => outbox.write(tx, { type: 'test', key: 'k', payload: 2 }))
    expect(await database.transaction((tx) => outbox.cancel(tx, cancelled))).toBe(true)
    await eventually(() => arrivals.length === 3)
    const { arrived } = world.broker
    expect(arrived.map(({ body }) => body.toString())).toEqual(['1', '2', '3'])
    const late = (arrivals[2] ?? 0) - deliverAt.getTime()
    expect(late).toBeGreaterThanOrEqual(0)
    expect(late).toBeLessThan(5000)
    expect(Math.abs((arrived[2]?.createdAt ?? 0) - deliverAt.getTime())).toBeLessThan(2)
    await pool.end()
  })

  test('stops nobody while a transaction that takes it back stays open, and is published when that is rolled back', async () => {
    const { pool } = world.database
    const schedule = (n: number): string =>
      `select waybill.schedule(deliver_at => now() + interval '100 ms', type => 'test', payload => '${String(n)}',
        key => 'k-${String(n)}', source => 'tests') as id`
    const { rows } = await pool.query<{ id: string }>(schedule(1))
    const open = await pool.connect()
    await open.query('begin')
    await open.query('select waybill.cancel($1)', [rows[0]?.id])
    await pool.query(schedule(2))
    const { relay } = await world.start()
    await eventually(() => world.broker.arrived.length === 1)
    expect(world.broker.arrived[0]?.key).toBe('k-2')
    // Its lanes can be given back too.
    await relay.stop()
    await open.query('rollback')
    open.release()
    await world.start()
    await eventually(() => world.broker.arrived.length === 2)
  })

  test('can be written and taken back by hand, and is checked as others are', async () => {
    const { pool } = world.database
    const later = `select waybill.schedule(deliver_at => now() + interval '1 second', type => 'test', payload => '{"n":1}',
      key => 'k', source => 'tests') as id`
    const { rows } = await pool.query<{ id: string }>(later)
    const { rows: others } = await pool.query<{ id: string }>(later)
    const taken = await pool.query('select waybill.cancel($1) as was', [others[0]?.id])
    expect(taken.rows).toEqual([{ was: true }])
    const again = await pool.query('select waybill.cancel($1) as was', [others[0]?.id])
    expect(again.rows).toEqual([{ was: false }])
    for (const time of ["'infinity'", 'null']) {
      const refused = pool.query(later.replace("now() + interval '1 second'", time))
      await expect(refused).rejects.toThrow('its deliver_at must be a time')
    }
    await expect(pool.query(later.replace("'k'", "''"))).rejects.toThrow('key must be null or')
    await world.start()
    await eventually(() => world.broker.arrived.length === 1)
    expect(world.broker.arrived).toMatchObject([{ messageId: rows[0]?.id, key: 'k', type: 'test' }])
  })
})
