import { connect } from 'amqplib'
import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { grants } from '../../../adapters/postgres/index.ts'
import type { DoctorReport } from '../../../relay/cli/doctor-command.ts'
import type { Finding } from '../../../relay/doctor/check.ts'
import {
  BROKER,
  BROKER_REACHABLE,
  DATABASE_REACHABLE,
  SETUP,
  TRAFFIC,
} from '../../../relay/doctor/checks/index.ts'
import { createTestVhost, type TestVhost } from '../../support/broker.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { freePort } from '../../support/free-port.ts'
import { startPostgres } from '../../support/postgres-server.ts'
import { startRabbitmq } from '../../support/rabbitmq-server.ts'
import { runCli } from '../../../relay/cli/cli.ts'
import { COMMANDS } from '../../../relay/cli/commands.ts'

type Environment = Readonly<Record<string, string>>

/** In this process: the start of another one takes longer than all that is looked at. */
async function runWaybill(args: readonly string[], env: Environment) {
  const printed = { stdout: '', stderr: '' }
  const code = await runCli(args, COMMANDS, {
    env,
    stdout: (text) => (printed.stdout += text),
    stderr: (text) => (printed.stderr += text),
  })
  return { code, ...printed }
}

interface Visit {
  readonly code: number | null
  readonly report: DoctorReport
  /** All that was found under a code, as `severity: seen`. */
  found(code: string): string[]
}

async function visit(env: Environment, ...args: string[]): Promise<Visit> {
  const run = await runWaybill(['doctor', '--json', ...args], env)
  expect(run.stderr).toBe('')
  const report = JSON.parse(run.stdout) as DoctorReport
  const all = report.examined.flatMap(({ findings }) => findings as Finding[])
  return {
    code: run.code,
    report,
    found: (code) =>
      all.filter((one) => one.code === code).map(({ severity, seen }) => `${severity}: ${seen}`),
  }
}

async function migrated(): Promise<TestDatabase> {
  const database = await createTestDatabase()
  const { code, stderr } = await runWaybill(['migrate'], { WAYBILL_DATABASE_URL: database.url })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return database
}

async function asRole<Result>(
  database: TestDatabase,
  role: 'relay' | 'consumer',
  work: (url: string, name: string) => Promise<Result>,
): Promise<Result> {
  const name = `${role}_${database.name}`
  await database.pool.query(`create role ${name} login`)
  for (const statement of grants({ [role]: name })) await database.pool.query(statement)
  const url = new URL(database.url)
  url.username = name
  try {
    return await work(url.href, name)
  } finally {
    await database.pool.query(`drop owned by ${name}`)
    await database.pool.query(`drop role ${name}`)
  }
}

describe('waybill doctor on a database', () => {
  it('has a finding for everything it looks at, and ends with 5 for warnings alone', async () => {
    await using database = await migrated()
    await using vhost = await createTestVhost()
    const { code, report, found } = await visit({
      WAYBILL_DATABASE_URL: database.url,
      WAYBILL_AMQP_URL: vhost.url,
    })
    const codes = new Set(report.examined.flatMap(({ findings }) => findings.map((finding) => finding.code)))
    const known = [DATABASE_REACHABLE, ...SETUP, ...TRAFFIC, BROKER_REACHABLE, ...BROKER].map(
      (check) => check.code,
    )
    expect([...codes].sort()).toEqual([...known].sort())
    expect(
      report.examined.flatMap(({ findings }) => findings).filter(({ severity }) => severity === 'error'),
    ).toEqual([])
    // The servers of the tests wait for no disk, and no relay runs.
    expect(found('DATABASE_DURABILITY')).toEqual(['warning: Off: fsync.'])
    expect(found('RELAYS')).toEqual(['warning: Live relays: 0. Lanes without one: 16.'])
    expect(found('BROKER_PERMISSIONS')).toEqual([
      'unchecked: Not checked: needs the management API, WAYBILL_MANAGEMENT_URL.',
    ])
    expect({ code, worst: report.worst }).toEqual({ code: 5, worst: 'warning' })
  })

  it('says what is wrong with a table for people, with what was wanted and what to do, and hides passwords', async () => {
    await using database = await migrated()
    await database.pool.query(
      'alter table waybill.parked set unlogged; alter sequence waybill.outbox_id_seq cache 20',
    )
    await database.pool.query('alter table waybill.outbox_2 set (autovacuum_enabled = off)')
    await database.pool.query('drop index waybill.outbox_lane_id')
    const run = await runWaybill(['doctor'], { WAYBILL_DATABASE_URL: database.url })
    expect(run.code).toBe(1)
    expect(run.stdout).toMatch(
      /ERROR +TABLES_LOGGED +Unlogged: parked\.\n +Wanted: .*\n +Do: Run `alter table … set logged`/,
    )
    expect(run.stdout).toMatch(/ERROR +OUTBOX_SEQUENCE +Cache 20, increment 1, no cycle\./)
    expect(run.stdout).toMatch(/WARNING +DATABASE_AUTOVACUUM +Off for: outbox_2\./)
    expect(run.stdout).toMatch(
      /WARNING +OUTBOX_INDEXES +Missing or invalid on: outbox_0, outbox_1, outbox_2, outbox_3\./,
    )
    expect(run.stdout).toMatch(/not checked +BROKER_REACHABLE +Not checked: WAYBILL_AMQP_URL is not set\./)
    expect(run.stdout).not.toContain('DATABASE_ENCODING')
  })

  it('sees what a role may do and what row security hides from it', async () => {
    await using database = await migrated()
    await asRole(database, 'relay', async (url, name) => {
      const env = { WAYBILL_DATABASE_URL: url }
      const well = await visit(env)
      expect(well.found('DATABASE_RIGHTS')).toEqual([`ok: Role "${name}" has them.`])
      expect(well.found('SCHEMA_MIGRATIONS')[0]).toMatch(/^unchecked: Not checked: permission denied/)

      await database.pool.query(
        `revoke delete on waybill.outbox from ${name}; revoke usage on schema waybill from ${name}`,
      )
      await database.pool.query('alter table waybill.outbox enable row level security')
      const ill = await visit(env)
      expect(ill.found('DATABASE_RIGHTS')).toEqual([
        `error: Role "${name}" lacks: delete on table outbox, usage on schema waybill.`,
      ])
      expect(ill.found('TABLES_ROW_SECURITY')).toEqual(['error: Row security applies to outbox.'])
      expect(ill.found('OUTBOX_AGE')[0]).toMatch(/^unchecked: /)
      expect(ill.code).toBe(1)
    })
    await asRole(database, 'consumer', async (url, name) => {
      const { found } = await visit({ WAYBILL_DATABASE_URL: url }, '--as', 'consumer')
      expect(found('DATABASE_RIGHTS')).toEqual([`ok: Role "${name}" has them.`])
      expect((await visit({ WAYBILL_DATABASE_URL: url })).found('DATABASE_RIGHTS')[0]).toContain('lacks: ')
    })
  })

  it('tells an old schema and an edited migration by the sentences of whoever refuses them', async () => {
    await using database = await migrated()
    const env = { WAYBILL_DATABASE_URL: database.url }
    await database.pool.query(`update waybill.migration set checksum = 'another' where version = 1`)
    await database.pool.query('update waybill.meta set version = 1')
    const { found } = await visit(env)
    const relay = await runWaybill(['status'], env)
    expect(found('SCHEMA_VERSION')).toEqual([`error: ${relay.stderr.replace('waybill: ', '').trim()}`])
    const migrate = await runWaybill(['migrate'], env)
    expect(found('SCHEMA_MIGRATIONS')).toEqual([`error: ${migrate.stderr.replace('waybill: ', '').trim()}`])
    await using empty = await createTestDatabase()
    const bare = await visit({ WAYBILL_DATABASE_URL: empty.url })
    expect(bare.found('SCHEMA_VERSION')[0]).toMatch(/^error: Schema "waybill" is not in this database/)
  })

  it('finds long, prepared and hidden transactions, slots, settings and a full server', async () => {
    await using server = await startPostgres({
      settings: { max_connections: '12', wal_level: 'logical', full_page_writes: 'off', autovacuum: 'off' },
    })
    const env = { WAYBILL_DATABASE_URL: server.url }
    await runWaybill(['migrate'], env)
    const pool = new pg.Pool({ connectionString: server.url, max: 8 })
    pool.on('error', () => undefined)
    const clients = await Promise.all([1, 2, 3, 4, 5].map(() => pool.connect()))
    const [open] = clients
    await open!.query('begin; select 1')
    await pool.query(`select pg_create_physical_replication_slot('forgotten', true)`)
    await pool.query(`alter role postgres set statement_timeout = '2s'`)
    await pool.query(`alter role postgres set synchronous_commit = off`)
    const { found } = await visit(env)
    expect(found('DATABASE_DURABILITY')).toEqual([
      'warning: Off: fsync, full_page_writes, synchronous_commit.',
    ])
    expect(found('DATABASE_STATEMENT_TIMEOUT')).toEqual(['warning: It is 2000 ms.'])
    expect(found('DATABASE_AUTOVACUUM')).toEqual(['warning: It is off for the whole server.'])
    expect(found('DATABASE_CONNECTIONS')[0]).toMatch(
      /^warning: \d+ of 9 connections are in use; a relay opens up to 5\.$/,
    )
    expect(found('REPLICATION_SLOTS')).toEqual(['warning: Slot "forgotten" is not read by anybody.'])
    expect(found('DATABASE_CLOCK')[0]).toMatch(/^ok: /)
    await pool.query(`alter role postgres set default_transaction_read_only = on`)
    expect((await visit(env)).found('DATABASE_WRITABLE')).toEqual([
      'error: Sessions are read-only by default.',
    ])
    for (const client of clients) client.release(true)
    await pool.end()
  })

  it('tells a database that does not answer, and goes on to the broker', async () => {
    await using vhost = await createTestVhost()
    const { code, found } = await visit({
      WAYBILL_DATABASE_URL: `postgres://u:s3cret-word@127.0.0.1:${await freePort()}/orders`,
      WAYBILL_AMQP_URL: vhost.url,
    })
    expect(code).toBe(1)
    expect(found('DATABASE_REACHABLE')[0]).toMatch(
      /^error: The database "orders" at .* cannot be used: .*ECONNREFUSED/,
    )
    expect(found('BROKER_REACHABLE')).toEqual(['ok: It lets us in.'])
    expect(found('BROKER_EXCHANGES')[0]).toContain('This role may not read the outbox')
  })

  it('an unsafe database is refused by the relay at its start, in the same words', async () => {
    await using database = await migrated()
    await using vhost = await createTestVhost()
    const env = {
      WAYBILL_DATABASE_URL: database.url,
      WAYBILL_AMQP_URL: vhost.url,
      WAYBILL_HEALTH_LISTEN: '127.0.0.1:0',
    }
    await database.pool.query('alter sequence waybill.outbox_id_seq cache 20')
    const { found } = await visit(env)
    const refused = await runWaybill(['relay'], env)
    expect(refused.code).toBe(2)
    expect(refused.stderr).toContain(
      `OUTBOX_SEQUENCE ${found('OUTBOX_SEQUENCE')[0]!.replace('error: ', '')} Wanted: `,
    )
  })
})

describe('waybill doctor on a broker', () => {
  async function world(): Promise<{ database: TestDatabase; vhost: TestVhost; env: Record<string, string> }> {
    const database = await migrated()
    const vhost = await createTestVhost()
    return { database, vhost, env: { WAYBILL_DATABASE_URL: database.url, WAYBILL_AMQP_URL: vhost.url } }
  }

  it('looks at the exchanges of waiting messages and at the queues of consumers', async () => {
    const { database, vhost, env } = await world()
    await database.pool.query(`select waybill.write('order.placed', '{}', 'k', 'orders')`)
    await database.pool.query(
      `insert into waybill.inbox (message_id, consumer, fingerprint) values (gen_random_uuid(), 'billing', 1), (gen_random_uuid(), 'gone', 1)`,
    )
    const connection = await connect(vhost.url)
    const channel = await connection.createChannel()
    channel.on('error', () => undefined)
    await channel.assertExchange('plain', 'fanout', { durable: true })
    const queueArguments = { 'x-queue-type': 'quorum', 'x-delivery-limit': 5 }
    await channel.assertQueue('billing', { durable: true, arguments: queueArguments })
    channel.sendToQueue('billing', Buffer.from('x'))
    await channel.assertQueue('billing.dlq', { durable: true })
    channel.sendToQueue('billing.dlq', Buffer.from('x'))
    const { found } = await visit(env, '--exchange', 'plain')
    expect(found('BROKER_EXCHANGES')).toEqual([
      expect.stringMatching(/^warning: Exchange "orders.events": .*NOT_FOUND.*A relay would declare it\.$/s),
      expect.stringMatching(/^error: Exchange "plain": .*inequivalent arg 'type'/),
    ])
    expect(found('BROKER_QUEUES')).toEqual([
      expect.stringMatching(/^warning: Queue "billing.*exists with .*, wanted is /),
      'warning: There is no queue "gone" for the consumer of that name in the inbox.',
    ])
    expect(found('BROKER_QUEUE_READERS')).toEqual(['warning: Queue "billing" holds 1 and nobody reads it.'])
    expect(found('BROKER_DEAD_LETTERS')).toEqual([
      'warning: Exchange "billing.dlx" is missing: what is given up stays in queue "billing".',
      'warning: Queue "billing.dlq" holds 1.',
    ])
    // Nothing was made by looking.
    await expect(channel.checkQueue('gone')).rejects.toThrow('NOT_FOUND')
    await connection.close().catch(() => undefined)
    await database[Symbol.asyncDispose]()
    await vhost[Symbol.asyncDispose]()
  })

  it('by the management API tells permissions, policies that drop messages, and orphaned queues', async () => {
    await using database = await migrated()
    const port = await freePort()
    await using broker = await startRabbitmq({
      plugins: ['rabbitmq_management'],
      settings: {
        'management.tcp.port': String(port),
        'management.tcp.ip': '127.0.0.1',
        collect_statistics_interval: '1000',
      },
    })
    await broker.ctl('add_user', 'relay', 's3cret-word')
    await broker.ctl('set_permissions', 'relay', '^orders\\.', '^orders\\.events$', '^nothing$')
    const connection = await connect(broker.url)
    connection.on('error', () => undefined)
    const channel = await connection.createChannel()
    await channel.assertExchange('orders.events', 'topic', { durable: true })
    await channel.assertExchange('others.events', 'topic', { durable: true })
    await channel.assertQueue('left', {
      durable: true,
      arguments: { 'x-queue-type': 'quorum', 'x-dead-letter-exchange': 'left.dlx' },
    })
    await broker.ctl('set_policy', 'short', '^left$', '{"max-length": 10}', '--apply-to', 'queues')
    const management = new URL(`http://127.0.0.1:${port}`)
    management.username = 'guest'
    management.password = 'guest'
    const env = {
      WAYBILL_DATABASE_URL: database.url,
      WAYBILL_AMQP_URL: broker.url.replace('guest:guest', 'relay:s3cret-word'),
      WAYBILL_MANAGEMENT_URL: management.href,
    }
    // The management API learns of policies by and by.
    const { found } = await eventually(async () => {
      const seen = await visit(env, '--exchange', 'orders.events,others.events', '--queue', 'left')
      return seen.found('BROKER_POLICIES')[0] !== 'ok: There is none.' && seen
    })
    expect(found('BROKER_EXCHANGES')).toEqual([
      'ok: Exchange "orders.events" can be published to.',
      expect.stringMatching(/^error: Exchange "others.events": .*ACCESS_REFUSED/),
    ])
    expect(found('BROKER_QUEUES')[0]).toMatch(
      /^warning: Queue "left" exists with x-delivery-limit none, wanted is 20; x-dead-letter-routing-key/,
    )
    expect(found('BROKER_PERMISSIONS')).toEqual([
      'ok: configure "^orders\\\\.", write "^orders\\\\.events$", read "^nothing$".',
    ])
    expect(found('BROKER_POLICIES')).toEqual(['error: A policy sets max-length for queue "left".'])
    expect(found('BROKER_ORPHANS')).toEqual(['warning: Queue "left" is bound to no exchange; it holds 0.'])
    const wrong = await visit({
      ...env,
      WAYBILL_AMQP_URL: broker.url.replace('guest:guest', 'relay:wrong-word'),
    })
    expect(wrong.code).toBe(1)
    expect(wrong.found('BROKER_REACHABLE')[0]).toMatch(/^error: .*(ACCESS_REFUSED|403)/)
    await connection.close()
  })
})
