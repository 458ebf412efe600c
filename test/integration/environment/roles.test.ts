import pg from 'pg'
import { expect, test } from 'vitest'
import { pgDatabase } from '../../../adapters/pg/index.ts'
import { grants, migrate } from '../../../adapters/postgres/index.ts'
import { RIGHTS } from '../../../adapters/postgres/rights.ts'
import { createOperations } from '../../../src/ports.ts'
import { createTestVhost } from '../../support/broker.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { rawPool } from '../postgres/setting.ts'
import { startJourney } from './journey.ts'
import { powersOf, rightsOf } from './rights-of.ts'

const ROLES = ['writer', 'relay', 'consumer', 'operator'] as const
type RoleName = (typeof ROLES)[number]

/** What the printed grants are made of, one line for each thing. */
function wanted(role: RoleName): string[] {
  const found = new Map<string, Set<string>>()
  for (const { names, privileges } of RIGHTS[role]) {
    for (const name of names) found.set(name, new Set([...(found.get(name) ?? []), ...privileges]))
  }
  return [...found].map(([name, privileges]) => `${name} ${[...privileges].sort().join(' ')}`).sort()
}

/** What no table of rights may ever give away. */
const NEVER: readonly (readonly [RoleName, RegExp])[] = [
  [
    'writer',
    /^(outbox \S*.*(select|update|delete|truncate)|meta .*(insert|update|delete)|(inbox|migration|relay|lane|parked|outbox_\d) )/,
  ],
  [
    'relay',
    /^inbox (?!select$)|^migration |^outbox .*(update|truncate)|^meta .*(insert|update|delete)|^lane .*(insert|delete)/,
  ],
  [
    'consumer',
    /^(outbox .*(select|update|delete|truncate)|meta .*(insert|update|delete)|(migration|relay|lane|outbox_\d) )/,
  ],
  [
    'operator',
    /^(outbox|history|audit_event) .*(update|delete)|^(failure|parked|bulk_\S+|idempotency_key) .*delete/,
  ],
  ['operator', /^(meta|relay|lane|cluster|scheduled|history_kept|failure_attempt|outbox_\d) (?!select$)/],
  ['operator', /^(inbox|inbox_retention|partition) .*(insert|delete)|^outbox_id_seq (?!usage$)/],
  [
    'operator',
    /^(migration|inbox_pruning|history_\d+|write|schedule|cancel|append\S*|remember\S*|refuse_change) /,
  ],
]

/** No role but a relay empties tables, and no role changes what there is. */
const NEVER_OF_ALL = /^(?!(relay|outbox_\d|history_\d+) ).* (truncate|references|trigger)/

const SCHEMAS = ['waybill', `Way "Bill"'s`] as const
const REFUSED = { code: '42501' }

test.for(SCHEMAS)('each role can do all of its work in schema %j, and nothing else', async (schema) => {
  await using setting = await createSetting(schema)
  await using vhost = await createTestVhost()
  const { database, names, pools, quoted } = setting
  await database.pool.query('create table effect (n integer, type text)')
  await database.pool.query(`grant select, insert on effect to ${names.consumer}`)

  for (const role of ROLES) {
    expect(await rightsOf(database, schema, names[role])).toEqual(wanted(role))
    expect(await powersOf(database, schema, names[role])).toEqual([])
    expect(wanted(role).filter((line) => NEVER_OF_ALL.test(line))).toEqual([])
  }
  for (const [role, pattern] of NEVER) expect(wanted(role).filter((line) => pattern.test(line))).toEqual([])

  await using way = await startJourney({ pools, amqpUrl: vhost.url, schema })
  await way.write(0, 20)
  await pools.writer.query(`select ${quoted}.write('order.placed', '{"n": 20}', 'k', 'orders')`)
  await way.handled(21)
  // Nothing that the relay does now and then was refused either.
  await eventually(() => way.relay.status().unsettled === 0)
  expect(way.relay.status().ready).toBe(true)

  await expect(pools.writer.query(`select from ${quoted}.outbox`)).rejects.toMatchObject(REFUSED)
  await expect(pools.writer.query(`select from ${quoted}.inbox`)).rejects.toMatchObject(REFUSED)
  // It counts what the inbox remembers, and changes nothing of it.
  await expect(pools.relay.query(`delete from ${quoted}.inbox`)).rejects.toMatchObject(REFUSED)
  await expect(
    pools.relay.query(`select ${quoted}.write('order.placed', '{}', 'k', 'orders')`),
  ).rejects.toMatchObject(REFUSED)
  await expect(pools.consumer.query(`delete from ${quoted}.outbox`)).rejects.toMatchObject(REFUSED)
  for (const pool of Object.values(pools)) await expectRefused(pool, changesOfTheSchema(quoted))
})

const BY = { name: 'ada', via: 'cli' } as const

test.for(SCHEMAS)('an operator repairs and steers in schema %j, and writes nothing else', async (schema) => {
  await using setting = await createSetting(schema)
  const { database, names, pools, quoted } = setting
  await database.pool.query('create table effect (n integer, type text)')
  await failTwice(setting)
  const { deadLetters, relay } = pgDatabase(pools.operator, { schema })
  const { letters, bulk, services } = createOperations({ database: { deadLetters }, editing: true })
  await letters.discard('in-1', { by: BY, reason: 'Old.', idempotencyKey: 'a' })
  await letters.restore('in-1', { by: BY, confirm: ['order'] })
  await letters.replayEdited('in-1', { by: BY, payload: Buffer.from('{}') })
  await bulk.start({ by: BY, action: 'discard', reason: 'Old.', selection: { filter: {} } })
  await bulk.work()
  expect((await letters.list({ state: 'discarded' })).items).toMatchObject([{ id: 'in-2' }])
  await services.pause('consumer', 'billing', { by: BY, reason: 'So.' })
  await services.rename('billing', 'invoicing', { by: BY })
  expect(await services.resume('consumer', 'invoicing', { by: BY })).toBe(true)
  for (const told of [relay.meta(), relay.backlog(), relay.lanes(), relay.clusters()]) await told

  await expectRefused(pools.operator, [
    ...['outbox', 'history'].flatMap((table) => [
      `update ${quoted}.${table} set payload = ''`,
      `delete from ${quoted}.${table}`,
    ]),
    ...['meta', 'lane', 'relay', 'cluster', 'scheduled', 'inbox', 'consumed_type', 'migration'].map(
      (table) => `insert into ${quoted}.${table} default values`,
    ),
    ...[
      'meta',
      'lane',
      'relay',
      'inbox',
      'failure',
      'parked',
      'audit_event',
      'bulk_operation',
      'bulk_item',
    ].map((table) => `delete from ${quoted}.${table}`),
    `update ${quoted}.meta set version = 0`,
    `update ${quoted}.lane set epoch = 0`,
    `update ${quoted}.audit_event set reason = ''`,
    `select ${quoted}.write('order.placed', '{}', 'k', 'orders')`,
    `select ${quoted}.cancel(null)`,
    `select setval('${quoted.replaceAll("'", "''")}.outbox_id_seq', 1)`,
    'select from public.effect',
    `grant ${names.relay} to ${names.operator}`,
  ])
})

/** Two of one key, of which the second one waits for the first one. */
async function failTwice({ database, quoted }: Setting): Promise<void> {
  await database.pool.query(`
    insert into ${quoted}.failure (consumer, message_id, original_id, state, blocking, version, key, type, exchange,
      routing_key, content_type, payload, reason)
    select 'billing', gen_random_uuid(), n::text, 'dead', true, 1, 'k', 'order.placed', 'e', 'r', 'application/json',
      '{}', 'exhausted' from generate_series(1, 2) as n`)
}

function changesOfTheSchema(quoted: string): string[] {
  return [
    `create table ${quoted}.mine (n integer)`,
    `create function ${quoted}.mine() returns integer language sql as 'select 1'`,
    `drop table ${quoted}.outbox`,
    `alter table ${quoted}.audit_event disable trigger all`,
    `alter schema ${quoted} owner to current_user`,
    `truncate ${quoted}.outbox`,
    `truncate ${quoted}.audit_event`,
    `select from ${quoted}.migration`,
    'set session_replication_role = replica',
  ]
}

async function expectRefused(pool: pg.Pool, statements: readonly string[]): Promise<void> {
  for (const text of statements) await expect(pool.query(text), text).rejects.toMatchObject(REFUSED)
}

interface Setting extends Roles {
  readonly database: TestDatabase
  /** The schema as it stands in statements. */
  readonly quoted: string
}

/** A schema in a database of its own, and the roles with the grants to it. */
async function createSetting(schema: string): Promise<Setting> {
  const database = await createTestDatabase()
  await migrate(rawPool(database.pool), { schema })
  const roles = await createRoles(database)
  for (const statement of grants({ schema, ...roles.names })) await database.pool.query(statement)
  return {
    ...{ database, names: roles.names, pools: roles.pools },
    quoted: `"${schema.replaceAll('"', '""')}"`,
    async [Symbol.asyncDispose]() {
      await roles[Symbol.asyncDispose]()
      await database[Symbol.asyncDispose]()
    },
  }
}

interface Roles extends AsyncDisposable {
  readonly names: Readonly<Record<RoleName, string>>
  readonly pools: Readonly<Record<RoleName, pg.Pool>>
}

/** Roles belong to the whole server, so their names carry that of the database. */
async function createRoles(database: TestDatabase): Promise<Roles> {
  const names = {} as Record<RoleName, string>
  const pools = {} as Record<RoleName, pg.Pool>
  for (const role of ROLES) {
    names[role] = `${role}_${database.name}`
    await database.pool.query(`create role ${names[role]} login`)
    const url = new URL(database.url)
    url.searchParams.set('options', `-c role=${names[role]}`)
    pools[role] = new pg.Pool({ connectionString: url.href, max: 5 })
    pools[role].on('error', () => undefined)
  }
  return {
    names,
    pools,
    async [Symbol.asyncDispose]() {
      for (const role of ROLES) await pools[role].end()
      for (const role of ROLES) {
        await database.pool.query(`drop owned by ${names[role]}`)
        await database.pool.query(`drop role ${names[role]}`)
      }
    },
  }
}
