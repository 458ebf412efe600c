import { connect } from 'amqplib'
import pg from 'pg'
import { expect, it } from 'vitest'
import type { StatusReport } from '../../../relay/cli/status-command.ts'
import { createTestVhost } from '../../support/broker.ts'
import { startChild, type Child } from '../../support/child.ts'
import { createTestDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { runWaybill } from '../cli/run-waybill.ts'

const POOL_SIZE = 3
const OUTBOXES = 3

interface Health {
  readonly status: number
  readonly body: {
    readonly checks: readonly { readonly name: string; readonly state: string; readonly reason?: string }[]
  }
}

async function healthOf(relay: Child): Promise<(path: string) => Promise<Health>> {
  const line = await relay.line(/The relay starts/)
  const { health } = JSON.parse(line) as { health: { host: string; port: number } }
  return async (path) => {
    const response = await fetch(`http://${health.host}:${health.port}${path}`)
    return { status: response.status, body: (await response.json()) as Health['body'] }
  }
}

it('one process relays several databases and schemas within its budget, and one that breaks stops no other', async () => {
  await using first = await createTestDatabase()
  await using second = await createTestDatabase()
  await using vhost = await createTestVhost()
  const env = {
    WAYBILL_DATABASE_URL: `${first.url}\n${second.url}?waybill_schema=eu&waybill_schema=Way%20%22Bill%22`,
    WAYBILL_AMQP_URL: vhost.url,
    WAYBILL_DATABASE_POOL_SIZE: String(POOL_SIZE),
    WAYBILL_HEALTH_LISTEN: '127.0.0.1:0',
  }
  const migrated = await runWaybill(['migrate'], env)
  expect(migrated.stdout.match(/went from version 0/g)).toHaveLength(OUTBOXES)
  const outboxes = [
    { pool: first.pool, schema: 'waybill' },
    { pool: second.pool, schema: 'eu' },
    { pool: second.pool, schema: '"Way ""Bill"""' },
  ]
  const write = async (count: number, given = outboxes): Promise<void> => {
    for (const { pool, schema } of given) {
      const statement = `select ${schema}.write('order.placed', to_jsonb($2::text), 'k' || n % 5, 'orders') from generate_series(1, $1) as n`
      await pool.query(statement, [count, schema])
    }
  }

  const connection = await connect(vhost.url)
  connection.on('error', () => undefined)
  const channel = await connection.createChannel()
  await channel.assertExchange('orders.events', 'topic', { durable: true })
  await channel.assertQueue('all', { durable: true })
  await channel.bindQueue('all', 'orders.events', '#')
  const arrived: string[] = []
  await channel.consume('all', (message) => arrived.push(String(message?.content)), { noAck: true })

  await using relay = startChild('relay/main.ts', { args: ['relay'], env })
  const health = await healthOf(relay)
  await eventually(async () => (await health('/readyz')).status === 200)

  let most = 0
  const load = new AbortController()
  const sampler = new pg.Client({ connectionString: first.url })
  await sampler.connect()
  const sampled = (async () => {
    while (!load.signal.aborted) {
      const { rows } = await sampler.query<{ n: number }>(
        `select count(*)::int as n from pg_stat_activity where application_name = 'waybill relay' and datname = any ($1)`,
        [[first.name, second.name]],
      )
      most = Math.max(most, rows[0]!.n)
    }
  })()
  for (let round = 0; round < 5; round += 1) await write(500)
  await eventually(() => arrived.length >= 5 * 500 * OUTBOXES)
  load.abort()
  await sampled
  await sampler.end()
  expect(arrived).toHaveLength(5 * 500 * OUTBOXES)
  expect(new Set(arrived).size).toBe(OUTBOXES)
  expect(most).toBeGreaterThan(OUTBOXES)
  expect(most).toBeLessThanOrEqual(OUTBOXES * POOL_SIZE)
  const open = await vhost.control?.ctl('list_connections', 'vhost', 'name', 'client_properties')
  const ours = open
    ?.split('\n')
    .filter((line) => line.startsWith(vhost.name) && line.includes('waybill relay'))
  expect(ours?.length ?? 1).toBe(1)

  const status = await runWaybill(['status', '--json'], env)
  const reports = JSON.parse(status.stdout) as readonly StatusReport[]
  expect(reports.map(({ schema, relays }) => [schema, relays.length])).toEqual([
    ['waybill', 1],
    ['eu', 1],
    ['Way "Bill"', 1],
  ])
  expect((await health('/readyz')).body.checks.map(({ name }) => name)).toEqual(
    reports.map(({ outbox }) => `relay of ${outbox}`),
  )

  await second.pool.query('update eu.meta set version = 9999, min_compatible = 9999')
  await relay.line(/One of several relays has ended/)
  await write(100, [outboxes[0]!, outboxes[2]!])
  await eventually(() => arrived.length === 5 * 500 * OUTBOXES + 200)
  expect((await health('/livez')).status).toBe(200)
  const unready = await health('/readyz')
  expect(unready.status).toBe(503)
  expect(unready.body.checks.filter(({ state }) => state === 'failed')).toMatchObject([
    { name: expect.stringContaining('schema "eu"') as string, reason: 'The relay is failed.' },
  ])
  expect(await relay.kill('SIGTERM')).toEqual({ code: 0, signal: null })
  await connection.close()
})
