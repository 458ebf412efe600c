import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { expect, test } from 'vitest'
import { pgDatabase, pgPool } from '../../../adapters/pg/index.ts'
import { migrate } from '../../../adapters/postgres/index.ts'
import { createRelay } from '../../../relay/index.ts'
import { createConsumer, createOutbox, defineMessages, messageType } from '../../../src/index.ts'
import { systemClock } from '../../../src/ports.ts'
import { eventually } from '../../support/eventually.ts'
import { startPostgres, type PostgresServer } from '../../support/postgres-server.ts'
import { createWorld, recordedLogger } from '../rabbitmq/world.ts'

const messages = defineMessages({ 'order.placed': messageType<{ n: number }>() }, { source: 'orders' })
const ROTATIONS = 2

/** Everybody may come in as before, except the user whose password is asked for. */
async function requirePassword(server: PostgresServer, admin: pg.Pool): Promise<void> {
  const file = join(server.dataDir, 'pg_hba.conf')
  const rest = readFileSync(file, 'utf8')
  writeFileSync(file, 'host all rotating 127.0.0.1/32 scram-sha-256\n')
  appendFileSync(file, rest)
  await admin.query('select pg_reload_conf()')
}

test('passwords that change under load, with connections cut, lose no message', async () => {
  await using world = await createWorld()
  await using server = await startPostgres()
  const admin = new pg.Pool({ connectionString: server.url, max: 3 })
  admin.on('error', () => undefined)
  await migrate(pgPool(admin), { schema: 'waybill' })
  await admin.query(`create role rotating superuser login password 'p0'`)
  await requirePassword(server, admin)
  await world.broker.ctl('add_user', 'rotating', 'p0')
  await world.broker.ctl('set_permissions', 'rotating', '.*', '.*', '.*')

  /** What a secret store would give. */
  let password = 'p0'
  const asked = { database: 0, broker: 0 }
  const pool = new pg.Pool({
    ...{ host: '127.0.0.1', port: server.port, database: 'postgres', user: 'rotating', max: 5 },
    password: () => {
      asked.database += 1
      return Promise.resolve(password)
    },
  })
  pool.on('error', () => undefined)
  const logger = recordedLogger()
  const transport = world.transport({
    logger,
    url: () => {
      asked.broker += 1
      return Promise.resolve(world.proxy.url(world.broker.url.replace('guest:guest', `rotating:${password}`)))
    },
  })
  const database = pgDatabase(pool)
  await admin.query('create table effects (n int)')
  const effects = async (): Promise<number> => {
    const { rows } = await admin.query<{ count: number }>('select count(*)::int from effects')
    return rows[0]?.count ?? 0
  }
  const consumer = createConsumer({
    ...{ name: 'billing', messages, database, transport },
    handlers: {
      'order.placed': async ({ payload: { n } }, { tx }) => {
        await tx.query('insert into effects values ($1)', [n])
      },
    },
  })
  const relay = createRelay({ database, transport, logger }, { sweepMs: 500 })
  await Promise.all([consumer.start(), relay.start()])

  const outbox = createOutbox({ source: 'orders', messages, database: pgDatabase(admin) })
  let written = 0
  const stop = new AbortController()
  const write = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      const client = await admin.connect()
      await client.query('begin')
      const key = `k${String(written % 7)}`
      await outbox.write(client, { type: 'order.placed', payload: { n: written }, key })
      await client.query('commit')
      client.release()
      written += 1
      await systemClock.sleep(5)
    }
  }
  const load = write()

  for (let round = 1; round <= ROTATIONS; round += 1) {
    const before = await effects()
    await eventually(async () => (await effects()) > before + 50)
    const next = `p${String(round)}`
    await admin.query(`alter role rotating password '${next}'`)
    await world.broker.ctl('change_password', 'rotating', next)
    // The servers are ahead of the store: meanwhile the old password is refused on both sides.
    world.proxy.reset()
    await admin.query(`select pg_terminate_backend(pid) from pg_stat_activity where usename = 'rotating'`)
    const { database: attempts, broker: tries } = asked
    await eventually(() => asked.database > attempts && asked.broker > tries + 1)
    password = next
  }
  stop.abort()
  await load
  await eventually(async () => (await effects()) === written)
  const { rows } = await admin.query('select count(distinct n)::int as distinct from effects')
  expect(rows).toEqual([{ distinct: written }])
  expect(logger.text()).toContain('ACCESS_REFUSED')
  expect(logger.text()).not.toContain('rotating:p')
  await eventually(async () => {
    const { rows } = await admin.query<{ n: number }>('select count(*)::int as n from waybill.outbox')
    return rows[0]?.n === 0
  })
  await Promise.all([consumer.stop(), relay.stop()])
  await transport.close()
  await pool.end()
  expect(await world.count('billing.dlq')).toBe(0)
  await admin.end()
})
