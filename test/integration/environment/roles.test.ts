import pg from 'pg'
import { expect, test, vi } from 'vitest'
import { grants, migrate } from '../../../adapters/postgres/index.ts'
import { RIGHTS } from '../../../adapters/postgres/rights.ts'
import { createTestVhost } from '../../support/broker.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { rawPool } from '../postgres/setting.ts'
import { startJourney } from './journey.ts'

vi.setConfig({ testTimeout: 180_000 })

const ROLES = ['writer', 'relay', 'consumer'] as const
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
]

test.for(['waybill', `Way "Bill"'s`])(
  'each role can do all of its work in schema %j, and nothing else',
  async (schema) => {
    await using database = await createTestDatabase()
    await using vhost = await createTestVhost()
    await migrate(rawPool(database.pool), { schema })
    await using roles = await createRoles(database)
    const { names, pools } = roles
    for (const statement of grants({ schema, ...names })) await database.pool.query(statement)
    await database.pool.query('create table effect (n integer, type text)')
    await database.pool.query(`grant select, insert on effect to ${names.consumer}`)

    for (const role of ROLES) {
      expect(await rightsOf(database, schema, names[role])).toEqual(wanted(role))
    }
    for (const [role, pattern] of NEVER) expect(wanted(role).filter((line) => pattern.test(line))).toEqual([])

    await using way = await startJourney({ pools, amqpUrl: vhost.url, schema })
    await way.write(0, 20)
    const quoted = `"${schema.replaceAll('"', '""')}"`
    await pools.writer.query(`select ${quoted}.write('order.placed', '{"n": 20}', 'k', 'orders')`)
    await way.handled(21)
    // Nothing that the relay does now and then was refused either.
    await eventually(() => way.relay.status().unsettled === 0)
    expect(way.relay.status().ready).toBe(true)

    const refused = { code: '42501' }
    await expect(pools.writer.query(`select from ${quoted}.outbox`)).rejects.toMatchObject(refused)
    await expect(pools.writer.query(`select from ${quoted}.inbox`)).rejects.toMatchObject(refused)
    // It counts what the inbox remembers, and changes nothing of it.
    await expect(pools.relay.query(`delete from ${quoted}.inbox`)).rejects.toMatchObject(refused)
    await expect(
      pools.relay.query(`select ${quoted}.write('order.placed', '{}', 'k', 'orders')`),
    ).rejects.toMatchObject(refused)
    await expect(pools.consumer.query(`delete from ${quoted}.outbox`)).rejects.toMatchObject(refused)
    for (const pool of Object.values(pools))
      await expect(pool.query(`create table ${quoted}.mine (n integer)`)).rejects.toMatchObject(refused)
  },
)

/** Everything that a role may do with what is in the schema, one line for each thing. */
async function rightsOf({ pool }: TestDatabase, schema: string, role: string): Promise<string[]> {
  const { rows } = await pool.query<{ name: string; privileges: string }>(
    `with thing as (
       select c.oid, c.relname::text as name, c.relkind,
         case c.relkind when 'S' then '{select,usage,update}'::text[]
           else '{select,insert,update,delete,truncate,references,trigger}' end as privileges
       from pg_class c where c.relnamespace = (select oid from pg_namespace where nspname = $2)
         and c.relkind in ('r', 'p', 'S', 'v')
     ), allowed as (
       select name, privilege from thing cross join lateral unnest(privileges) as p (privilege)
       where case relkind when 'S' then has_sequence_privilege($1, oid, privilege)
         else has_table_privilege($1, oid, privilege) or
           (privilege in ('select', 'insert', 'update', 'references') and has_any_column_privilege($1, oid, privilege)) end
       union all
       select proname, 'execute' from pg_proc
       where pronamespace = (select oid from pg_namespace where nspname = $2)
         and has_function_privilege($1, oid, 'execute')
     )
     select name, string_agg(privilege, ' ' order by privilege) as privileges from allowed group by name`,
    [role, schema],
  )
  return rows.map(({ name, privileges }) => `${name} ${privileges}`).sort()
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
