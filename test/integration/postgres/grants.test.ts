import { randomUUID } from 'node:crypto'
import { crc32 } from 'node:zlib'
import pg from 'pg'
import { expect, test } from 'vitest'
import { pgDatabase } from '../../../adapters/pg/index.ts'
import { createRelayStore, grants, migrate } from '../../../adapters/postgres/index.ts'
import type { InboxEntry } from '../../../src/ports.ts'
import { createReader, record } from '../../../testing/contracts/relay-store-reader.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { insertMany, rawPool } from './setting.ts'

test('each role can do its work with the rights it is given, and not the work of others', async () => {
  await using database = await createTestDatabase()
  await migrate(rawPool(database.pool))
  await using roles = await createRoles(database)
  for (const statement of grants({
    writer: roles.name('writer'),
    relay: roles.name('relay'),
    consumer: roles.name('consumer'),
  })) {
    await database.pool.query(statement)
  }
  const writer = roles.pool('writer')
  await writer.query(`select waybill.write('order.placed', '{}', 'k', 'orders')`)
  await expect(writer.query('select count(*) from waybill.outbox')).rejects.toMatchObject({ code: '42501' })
  await expect(writer.query('delete from waybill.outbox')).rejects.toMatchObject({ code: '42501' })
  await expect(writer.query('select from waybill.inbox')).rejects.toMatchObject({ code: '42501' })

  const writing = pgDatabase(writer)
  await writing.transaction(async (tx) => {
    const keyed = record({ key: 'k', lane: crc32('k') % 16 })
    await writing.outbox.append(tx, [keyed], { lockKeys: true })
    await writing.outbox.append(tx, [record()], { lockKeys: true })
    const [later, never] = [record(), record()].map((one) => ({ ...one, deliverAt: Date.now() }))
    if (later === undefined || never === undefined) throw new Error('There are two.')
    await writing.outbox.schedule(tx, [later, never])
    expect(await writing.outbox.cancel(tx, never.messageId)).toBe(true)
  })
  await writer.query(`
    select waybill.cancel(waybill.schedule(now(), 'order.placed', '{}', 'k', 'orders'))`)

  const consumer = roles.pool('consumer')
  const consuming = pgDatabase(consumer)
  const entry = { consumer: 'billing', messageId: randomUUID(), fingerprint: 1 }
  for (const verdict of ['first', 'duplicate']) {
    expect(await consuming.transaction((tx) => consuming.inbox.remember(tx, entry))).toBe(verdict)
  }
  await consuming.transaction((tx) => consuming.outbox.append(tx, [record()]))
  const claim = { consumer: 'billing', holder: randomUUID(), retentionMs: 60_000, leaseMs: 0 }
  expect(await consuming.inbox.claimPruning(claim)).toBe(60_000)
  expect(await consuming.inbox.prune({ retentionMs: -1000, unsaidMs: -1000, limit: 10 })).toEqual({
    forgotten: 1,
    next: null,
  })
  await failureWork(consuming)
  await expect(consumer.query('select from waybill.outbox')).rejects.toMatchObject({ code: '42501' })

  await relayWork(database, roles.pool('relay'))
  await expect(roles.pool('relay').query('delete from waybill.inbox')).rejects.toMatchObject({
    code: '42501',
  })
})

/** Every call of the store, by a role with the rights of a consumer alone. */
async function failureWork(database: ReturnType<typeof pgDatabase>): Promise<void> {
  const by = { consumer: 'billing', instanceId: randomUUID(), host: 'grants' }
  const { failures } = database
  const message = {
    ...{ originalId: 'm', type: 'order.placed', version: 1, source: null, key: 'k', correlationId: null },
    ...{ causationId: null, createdAt: null, headers: {}, contentType: 'text/plain', sealed: false },
    ...{ exchange: 'e', routingKey: 'r', payload: Buffer.from('{}') },
  }
  const entry = (): InboxEntry => ({
    ...{ consumer: 'billing', messageId: randomUUID(), fingerprint: 1, key: 'k' },
  })
  const state = { kind: 'retry', afterMs: 0 } as const
  const fate = { state, blocking: true, reason: 'failed', error: null, triedMs: 1, trace: null } as const
  expect(await failures.record({ entry: entry(), message, by, uncertain: false, fate })).toBe('recorded')
  const behind = entry()
  await database.handle([behind], async (tx, verdicts) => {
    expect(verdicts).toEqual(['blocked'])
    expect(await failures.wait(tx, { entry: behind, message, by }, 10)).toBe(true)
  })
  const beating = { ...by, queue: 'q', mode: 'key', leaseMs: 60_000 }
  expect(await failures.beat(beating)).toEqual({ paused: false, due: true })
  for (const again of [true, false]) {
    const [claimed] = await failures.claim({ by, kind: 'sound', atMost: 1 })
    if (claimed === undefined) throw new Error('Nothing was due.')
    if (again) await failures.fail(claimed, by, fate)
    else expect(await failures.retry(claimed, by, () => Promise.resolve())).toMatchObject({ released: true })
  }
  expect(await failures.claim({ by, kind: 'abandoned', atMost: 1 })).toEqual([])
  expect(await failures.releaseForgotten('billing')).toBe(0)
  await failures.prune({ consumer: 'billing', retentionMs: -1_000, limit: 10 })
  await failures.leave(by)
}

/** Every call of the store, by a role with the rights of a relay alone. */
async function relayWork(database: TestDatabase, pool: pg.Pool): Promise<void> {
  const store = createRelayStore(rawPool(pool))
  const reader = await createReader(store)
  expect((await store.ring()).sequence).toBeGreaterThan(0)
  expect(
    await store.renew(reader.relayId, 60_000, {
      server: 's',
      lanes: new Map([[3, { position: 1, base: '1:1:' }]]),
    }),
  ).toBe(true)
  expect(await store.scheduled()).toMatchObject({ records: 1 })
  const epoch = reader.owned.find(({ lane }) => lane === 0)?.epoch ?? -1
  const all = { maxRecords: 10, maxBytes: 1_000_000 }
  expect(await store.moveScheduled({ relayId: reader.relayId, epoch, ...all })).toMatchObject({ moved: 1 })
  const records = await reader.everything()
  expect(records).toHaveLength(5)
  const failed = records.find(({ key }) => key === 'k')
  const published = records.filter((one) => one !== failed)
  if (failed === undefined) throw new Error('Nothing was written.')
  const refusal = { ...failed, reason: 'rejected', error: '', attempts: 1 }
  expect(await store.park([{ ...refusal, retryInMs: 0 }])).toMatchObject({ removed: 1 })
  const some = { maxRecords: 10, maxBytes: 1000, gated: [{ exchange: 'a', routingKey: 'b' }], except: [] }
  const request = { relayId: reader.relayId, lanes: reader.owned, inOrder: true, ...some }
  expect(await store.due(request)).toHaveLength(1)
  expect(await store.countBlocked({ look: 10, crowd: 10 })).toMatchObject({ keys: 1 })
  expect(await store.park([{ ...refusal, retryInMs: null }])).toMatchObject({ removed: 1 })
  expect(await store.blockedKeys([failed.lane])).toEqual(new Set([`${String(failed.lane)}:k`]))
  await reader.fetch({ passBlockedKeys: true, gated: [{ exchange: 'a', routingKey: 'b' }] })
  expect(await store.settle(published)).toMatchObject({ removed: 4 })
  expect(await store.rotate({ burn: true })).toMatchObject({ truncated: [] })
  expect(await store.rotate({ burn: true })).toMatchObject({ truncated: [0] })
  await insertMany(database.pool, 12_000)
  expect(await store.backlog()).toMatchObject({ estimated: true, parked: 1 })
  expect(await store.sample({ timeoutMs: 10_000 })).toMatchObject({
    ...{ estimated: true, dead: 1, consumers: [{ consumer: 'billing', remembered: 2 }] },
  })
  expect(await store.lanes()).toHaveLength(16)
  await store.releaseLanes(reader.relayId, reader.owned)
  await store.unregister(reader.relayId)
}

test('names of roles are quoted, and impossible ones refused', () => {
  expect(grants({ schema: 'Way', writer: 'o"r' })).toContain(
    'grant insert on "Way".outbox, "Way".history to "o""r"',
  )
  expect(() => grants({ writer: '' })).toThrow(expect.objectContaining({ code: 'WAYBILL_OPTION_INVALID' }))
  expect(grants({})).toEqual([])
})

interface Roles extends AsyncDisposable {
  name(role: string): string
  pool(role: string): pg.Pool
}

/** Roles belong to the whole server, so their names carry that of the database. */
async function createRoles(database: TestDatabase): Promise<Roles> {
  const names = ['writer', 'relay', 'consumer']
  const pools = new Map<string, pg.Pool>()
  const nameOf = (role: string): string => `${role}_${database.name}`
  for (const role of names) {
    await database.pool.query(`create role ${nameOf(role)} login`)
    const url = new URL(database.url)
    url.searchParams.set('options', `-c role=${nameOf(role)}`)
    pools.set(role, new pg.Pool({ connectionString: url.href, max: 2 }))
  }
  return {
    name: nameOf,
    pool(role) {
      const pool = pools.get(role)
      if (pool === undefined) throw new Error(`There is no role ${role}.`)
      return pool
    },
    async [Symbol.asyncDispose]() {
      for (const pool of pools.values()) await pool.end()
      for (const role of names) {
        await database.pool.query(`drop owned by ${nameOf(role)}`)
        await database.pool.query(`drop role ${nameOf(role)}`)
      }
    },
  }
}
