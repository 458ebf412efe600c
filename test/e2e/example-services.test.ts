import { describe, expect, it } from 'vitest'
import { pgDatabase, pgPool } from '../../adapters/pg/index.ts'
import { migrate } from '../../adapters/postgres/index.ts'
import { createOnce } from '../../examples/orders-credit/create-once.ts'
import { createTestVhost } from '../support/broker.ts'
import { startChild, type Child } from '../support/child.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'

const NOBODY = '127.0.0.1:1'
const RUNS = /"The service runs\."/

interface Started extends Child {
  /** The status of an answer. */
  ask(path: string): Promise<number>
}

async function start(name: string, env: Readonly<Record<string, string>>): Promise<Started> {
  const listen = `127.0.0.1:${await freePort()}`
  const child = startChild(`examples/orders-credit/serve-${name}.ts`, {
    env: { ORDERS_PER_SECOND: '20', METRICS_LISTEN: listen, ...env },
  })
  return Object.assign(child, {
    ask: async (path: string) => (await fetch(`http://${listen}${path}`)).status,
  })
}

async function databaseOf(schema: string): Promise<TestDatabase> {
  const database = await createTestDatabase()
  await migrate(pgPool(database.pool), { schema })
  return database
}

const logOf = ({ output }: Child): readonly Readonly<Record<string, unknown>>[] =>
  output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)

describe('a service of the example as a process', () => {
  it('is ready once it consumes, in two processes that start at once, and ends when it is told', async () => {
    await using database = await databaseOf('orders_waybill')
    await using vhost = await createTestVhost()
    const env = { DATABASE_URL: database.url, AMQP_URL: vhost.url }
    await using one = await start('orders', env)
    await using other = await start('orders', env)
    for (const service of [one, other]) {
      await service.line(RUNS)
      await eventually(async () => (await service.ask('/readyz')) === 200)
    }
    await eventually(async () => {
      const { rows } = await database.pool.query<{ count: number }>(
        'select count(*)::int as count from orders.orders',
      )
      return (rows[0]?.count ?? 0) > 20
    })
    for (const service of [one, other]) {
      expect(await service.kill('SIGTERM'), service.output).toEqual({ code: 0, signal: null })
      expect(logOf(service).filter(({ level }) => level !== 'info')).toEqual([])
      expect(logOf(service).at(-1)).toMatchObject({ service: 'orders', msg: 'The service has stopped.' })
    }
  })

  it('is alive and not ready while the broker is away, and stops all the same', async () => {
    await using database = await databaseOf('credit_waybill')
    await using service = await start('credit', { DATABASE_URL: database.url, AMQP_URL: `amqp://${NOBODY}` })
    await eventually(async () => (await service.ask('/livez')) === 200)
    expect(await service.ask('/readyz')).toBe(503)
    expect(await service.ask('/metrics')).toBe(200)
    expect(await service.ask('/')).toBe(404)
    expect(await service.kill('SIGTERM'), service.output).toEqual({ code: 0, signal: null })
  })

  it('keeps its queue when a demo is started on its broker', async () => {
    await using database = await databaseOf('credit_waybill')
    await using vhost = await createTestVhost()
    await using service = await start('credit', { DATABASE_URL: database.url, AMQP_URL: vhost.url })
    await service.line(RUNS)
    const args = ['--once', '--count', '10', '--database-url', database.url, '--amqp-url', vhost.url]
    await using demo = startChild('examples/orders-credit/demo.ts', { args })
    expect(await demo.exited, demo.output).toMatchObject({ code: 1 })
    expect(demo.output).toContain('Somebody consumes from "demo-credit".')
    expect(await service.ask('/readyz')).toBe(200)
  })

  it.each([
    {
      env: { DATABASE_URL: `postgres://u:secret@${NOBODY}/d`, AMQP_URL: `amqp://${NOBODY}` },
      says: 'ECONNREFUSED',
    },
    { env: { DATABASE_URL: '', AMQP_URL: `amqp://u:secret@${NOBODY}` }, says: 'Set DATABASE_URL' },
    {
      env: { DATABASE_URL: 'postgres://u:secret@h/d', AMQP_URL: 'amqp://h', ORDERS_PER_SECOND: 'many' },
      says: 'ORDERS_PER_SECOND must be a number',
    },
    {
      env: { DATABASE_URL: 'postgres://u:secret@h/d', AMQP_URL: 'amqp://h', METRICS_LISTEN: '9464' },
      says: 'METRICS_LISTEN must be host:port',
    },
  ])('ends with a reason when it cannot begin: $says', async ({ env, says }) => {
    await using service = await start('orders', env)
    expect(await service.exited, service.output).toMatchObject({ code: 1 })
    expect(JSON.stringify(logOf(service).find(({ level }) => level === 'error'))).toContain(says)
    expect(service.output).not.toContain('secret')
  })

  it('says that the schema is not there, and ends', async () => {
    await using database = await createTestDatabase()
    await using vhost = await createTestVhost()
    await using service = await start('credit', { DATABASE_URL: database.url, AMQP_URL: vhost.url })
    expect(await service.exited, service.output).toMatchObject({ code: 1 })
    expect(service.output).toContain('WAYBILL_SCHEMA_MISSING')
  })
})

it('makes the tables of a service once, however many start', async () => {
  await using database = await createTestDatabase()
  let made = 0
  const create = (): Promise<void> =>
    createOnce(pgDatabase(database.pool), 'shop', async (tx) => {
      await tx.query('create schema shop; create table shop.orders (id uuid)')
      made += 1
    })
  await Promise.all(Array.from({ length: 8 }, create))
  expect(made).toBe(1)
})
