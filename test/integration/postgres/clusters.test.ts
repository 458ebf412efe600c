import pg from 'pg'
import { expect, test } from 'vitest'
import { createRelayStore, grants, migrate } from '../../../adapters/postgres/index.ts'
import { registerRelay } from '../../../testing/contracts/relay-store-reader.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { rawPool } from './setting.ts'

/** A relay's role and nothing more. Roles belong to the whole server, hence the name. */
async function asRelay(
  { url, name, pool: owner }: TestDatabase,
  work: (store: ReturnType<typeof createRelayStore>) => Promise<void>,
): Promise<void> {
  const role = `relay_${name}`
  const limited = new URL(url)
  limited.searchParams.set('options', `-c role=${role}`)
  const pool = new pg.Pool({ connectionString: limited.href, max: 2 })
  await owner.query(`create role ${role} login`)
  try {
    for (const statement of grants({ relay: role })) await owner.query(statement)
    await work(createRelayStore(rawPool(pool)))
  } finally {
    await pool.end()
    await owner.query(`drop owned by ${role}`)
    await owner.query(`drop role ${role}`)
  }
}

test('a role with the rights of a relay alone learns cluster and timeline, and where it was made is no news', async () => {
  await using database = await createTestDatabase()
  await migrate(rawPool(database.pool))
  await asRelay(database, async (store) => {
    const { cluster } = await store.meta()
    expect(cluster).toEqual({ systemIdentifier: expect.stringMatching(/^\d{15,}$/) as string, timeline: 1 })
    const relayId = await registerRelay(store)
    expect(await store.rebalance(relayId, 0)).toMatchObject({ isElsewhere: false, meta: { cluster } })
    expect(await store.clusters()).toMatchObject([cluster])
  })
})

test('where nobody may ask for the identifier, the timeline alone tells', async () => {
  await using database = await createTestDatabase()
  await migrate(rawPool(database.pool))
  await database.pool.query('revoke execute on function pg_control_system() from public')
  await asRelay(database, async (store) => {
    expect((await store.meta()).cluster).toEqual({ systemIdentifier: '', timeline: 1 })
    await store.fetch({ relayId: await registerRelay(store), lanes: [], gated: [], passBlockedKeys: false })
  })
})

test('the first relay in another cluster or on another timeline is told so, and no other', async () => {
  await using database = await createTestDatabase()
  await migrate(rawPool(database.pool))
  const store = createRelayStore(rawPool(database.pool))
  const relayId = await registerRelay(store)
  const { systemIdentifier } = (await store.meta()).cluster
  const elsewhere: readonly (readonly [string, number])[] = [
    ['1', 1],
    [systemIdentifier, 7],
  ]
  for (const before of elsewhere) {
    await database.pool.query('delete from waybill.cluster')
    await database.pool.query(`insert into waybill.cluster values ($1, $2, now() - interval '1 hour')`, [
      ...before,
    ])
    expect(await store.rebalance(relayId, 0)).toMatchObject({ isElsewhere: true })
    expect(await store.rebalance(relayId, 0)).toMatchObject({ isElsewhere: false })
    expect(await store.clusters()).toMatchObject([
      { systemIdentifier, timeline: 1 },
      { systemIdentifier: before[0], timeline: before[1] },
    ])
  }
})
