import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { pgDatabase } from '../../../adapters/pg/index.ts'
import type { ClaimedFailure, NewRecord } from '../../../src/ports.ts'
import { isPending, record } from '../../../testing/contracts/database-subject.ts'
import { failure, fate, instance } from '../../../testing/contracts/failure-subject.ts'
import { createPgSetting, type PgSetting } from './setting.ts'

let setting: PgSetting
beforeAll(async () => {
  setting = await createPgSetting()
  await setting.pool.query(EVIL)
})
beforeEach(async () => {
  await setting.pool.query('truncate waybill.outbox, waybill.inbox, waybill.failure cascade')
})
afterAll(async () => {
  await setting[Symbol.asyncDispose]()
})

/** Takes the place of everything that a statement might name without saying whose it is. */
const EVIL = `
create schema evil;
create table evil.outbox (like waybill.outbox);
create table evil.inbox (like waybill.inbox);
create function evil.yes(int8, int8) returns boolean language sql as 'select false';
create function evil.yes(uuid, uuid) returns boolean language sql as 'select false';
create function evil.yes(text, text) returns boolean language sql as 'select false';
create function evil.yes(timestamptz, timestamptz) returns boolean language sql as 'select true';
create operator evil.> (leftarg = int8, rightarg = int8, function = evil.yes);
create operator evil.= (leftarg = uuid, rightarg = uuid, function = evil.yes);
create operator evil.= (leftarg = text, rightarg = text, function = evil.yes);
create operator evil.< (leftarg = timestamptz, rightarg = timestamptz, function = evil.yes);
create function evil.unnest(anyarray) returns setof anyelement language sql as 'select $1[1] where false';
create function evil.pg_advisory_xact_lock(int8) returns void language sql as 'select';
create function evil.pg_try_advisory_xact_lock(int8) returns boolean language sql as 'select false';
create function evil.uuid_hash_extended(uuid, int8) returns int8 language sql as 'select 0::int8';
create function evil.hashtextextended(text, int8) returns int8 language sql as 'select 0::int8';
create function evil.convert_from(bytea, text) returns text language sql as $$ select 'evil' $$;
create function evil.set_config(text, text, boolean) returns text language sql as $$ select 'evil' $$;
create function evil.current_setting(text) returns text language sql as $$ select 'evil' $$;
create function evil.clock_timestamp() returns timestamptz language sql as $$ select 'infinity'::timestamptz $$;
create domain evil.int8 as text; create domain evil.bytea as text; create domain evil.uuid as text;
create domain evil.int2 as text; create domain evil.int4 as text; create domain evil.text as pg_catalog.int4;
`

/** Settings that a role, a database or a connection may have. */
const SETTINGS: Readonly<Record<string, string>> = {
  'a malicious search path': `set search_path = evil, pg_catalog`,
  'an empty search path': `set search_path = ''`,
  'serializable by default': `set default_transaction_isolation = 'serializable'`,
  'repeatable read by default': `set default_transaction_isolation = 'repeatable read'`,
  'escaped bytea output': `set bytea_output = 'escape'`,
  'backslashes in strings': `set standard_conforming_strings = off`,
  'another date style': `set datestyle = 'German'; set intervalstyle = 'sql_standard'`,
  'another time zone': `set timezone = 'Pacific/Kiritimati'`,
  'a single-byte client encoding': `set client_encoding = 'LATIN1'`,
  'a Japanese client encoding': `set client_encoding = 'EUC_JP'`,
  'an application name with quotes': `set application_name = 'it''s "mine"'`,
  'no parallel plans, no sequential scans': `set enable_seqscan = off; set plan_cache_mode = force_generic_plan`,
  'its own rules for procedures': `set plpgsql.variable_conflict = 'use_column'; set plpgsql.extra_errors = 'all'`,
  'its own lock timeout': `set lock_timeout = '50ms'; set statement_timeout = '20s'`,
}

const awkward = (): NewRecord =>
  record({
    key: 'Kunde "Müller" \\ 你好 🚚',
    headers: '{"name":"Ωμέγα \\\\ \'"}',
    payload: Buffer.from([0, 92, 39, 127, 128, 255]),
  })

for (const [name, statements] of Object.entries(SETTINGS)) {
  describe(`with ${name}`, () => {
    test('records come out as they went in, and the inbox remembers', async () => {
      const pool = setting.newPool({ max: 2 })
      pool.on('connect', (client) => void client.query(statements))
      const database = pgDatabase(pool)
      const [alone, plain, several] = [awkward(), record(), [awkward(), record({ key: null }), awkward()]]
      await database.transaction(async (tx) => {
        const lockKeys = true
        await database.outbox.append(tx, [alone], { lockKeys })
        await database.outbox.append(tx, [plain])
        await database.outbox.append(tx, several, { lockKeys })
      })
      expect(await setting.records()).toEqual([alone, plain, ...several])

      const entry = { consumer: 'billing', messageId: randomUUID(), fingerprint: -1 }
      const remember = (): Promise<string> => database.transaction((tx) => database.inbox.remember(tx, entry))
      expect([await remember(), await remember()]).toEqual(['first', 'duplicate'])
      const all = { retentionMs: 60_000, unsaidMs: 60_000, limit: 10 }
      const claim = { consumer: 'billing', holder: randomUUID(), retentionMs: 60_000, leaseMs: 0 }
      expect(await database.inbox.claimPruning(claim)).toBe(60_000)
      expect(await database.inbox.prune(all)).toEqual({ forgotten: 0, next: null })
      await setting.pool.query(`update waybill.inbox set handled_at = handled_at - interval '1 hour'`)
      const { next, ...pruned } = await database.inbox.prune({ ...all, limit: 1 })
      expect(pruned).toEqual({ forgotten: 1 })
      expect(await database.inbox.prune({ ...all, after: next ?? 0 })).toEqual({ forgotten: 0, next: null })
    })

    test('messages are handled, whatever the name of their consumer', async () => {
      const pool = setting.newPool({ max: 2 })
      pool.on('connect', (client) => void client.query(statements))
      const database = pgDatabase(pool)
      for (const consumer of [
        'billing',
        `o'hara"s`,
        `c:\\'x'\\`,
        'Müller\\',
        `'); drop schema waybill; --`,
      ]) {
        const entry = { consumer, messageId: randomUUID(), fingerprint: -1 }
        const handle = (): Promise<unknown> =>
          database.handle([entry], async (tx, verdicts) => {
            const { rows } = await tx.query<object>('show transaction_isolation')
            return [...verdicts, ...rows]
          })
        const isolation = { transaction_isolation: 'read committed' }
        expect(await handle()).toEqual(['first', isolation])
        expect(await handle()).toEqual(['duplicate', isolation])
        const stored = await setting.pool.query('select consumer from waybill.inbox where message_id = $1', [
          entry.messageId,
        ])
        expect(stored.rows).toEqual([{ consumer }])
      }
    })

    test('the statement for the user works too', async () => {
      const client = await setting.newClient()
      await client.query(statements)
      const given = [awkward(), awkward()]
      const folded = setting.database.outbox.statement(given, { text: 'select $1 as name', values: ['?'] })
      expect((await client.query(folded.text, [...folded.values])).rows).toEqual([{ name: '?' }])
      expect(await setting.records()).toEqual(given)
    })
  })
}

test('the service may parse its values as it likes', async () => {
  const types: pg.CustomTypesConfig = {
    getTypeParser: () => () => {
      throw new Error('not for you')
    },
  }
  const database = pgDatabase(setting.newPool({ types }))
  const entry = { consumer: 'billing', messageId: randomUUID(), fingerprint: 1 }
  await database.transaction((tx) => database.outbox.append(tx, [record()]))
  for (const verdict of ['first', 'duplicate']) {
    expect(await database.transaction((tx) => database.inbox.remember(tx, entry))).toBe(verdict)
  }
  expect(await database.handle([entry], (_tx, verdicts) => Promise.resolve(verdicts))).toEqual(['duplicate'])
  expect(await database.inbox.prune({ retentionMs: 0, unsaidMs: 0, limit: 10 })).toEqual({
    forgotten: 1,
    next: null,
  })
  await database.ping()
})

test('a transaction is READ COMMITTED whatever the default', async () => {
  const pool = setting.newPool({ options: '-c default_transaction_isolation=serializable' })
  const shown = await pgDatabase(pool).transaction((tx) => tx.query('show transaction_isolation'))
  expect(shown.rows).toEqual([{ transaction_isolation: 'read committed' }])
})

describe('the lock timeout of the service', () => {
  const remembered = async (tx: pg.ClientBase): Promise<string> =>
    setting.database.inbox.remember(tx, { consumer: 'c', messageId: randomUUID(), fingerprint: 1 })
  const shown = async (client: pg.ClientBase): Promise<unknown> =>
    (await client.query('show lock_timeout')).rows[0]

  for (const own of ['0', '123ms', '7s']) {
    test(`of ${own} is in force again after the inbox was asked, within the transaction and behind it`, async () => {
      const client = await setting.newClient()
      await client.query(`set lock_timeout = '${own}'; begin`)
      expect(await remembered(client)).toBe('first')
      expect(await shown(client)).toEqual({ lock_timeout: own })
      await client.query('commit')
      expect(await shown(client)).toEqual({ lock_timeout: own })
    })
  }

  test('is in force again after the inbox has waited for another delivery', async () => {
    const [first, second] = [await setting.newClient(), await setting.newClient()]
    const entry = { consumer: 'c', messageId: randomUUID(), fingerprint: 1 }
    await first.query('begin')
    await setting.database.inbox.remember(first, entry)
    await second.query(`set lock_timeout = '50ms'; begin`)
    const waiting = setting.database.inbox.remember(second, entry)
    expect(await isPending(waiting, 150)).toBe(true)
    await first.query('rollback')
    expect(await waiting).toBe('first')
    expect(await shown(second)).toEqual({ lock_timeout: '50ms' })
    await second.query('rollback')
  })

  test('that was set for the transaction alone ends with it', async () => {
    const client = await setting.newClient()
    await client.query(`set lock_timeout = '3s'; begin; set local lock_timeout = '1s'`)
    expect(await remembered(client)).toBe('first')
    expect(await shown(client)).toEqual({ lock_timeout: '1s' })
    await client.query('commit')
    expect(await shown(client)).toEqual({ lock_timeout: '3s' })
  })

  test('is in force while its messages are handled', async () => {
    const pool = setting.newPool({ options: '-c lock_timeout=123ms' })
    const entry = { consumer: 'c', messageId: randomUUID(), fingerprint: 1 }
    const inside = pgDatabase(pool).handle([entry], async (tx) => shown(tx))
    expect(await inside).toEqual({ lock_timeout: '123ms' })
  })

  test('is in force while a kept message is handled, and behind all that becomes of it', async () => {
    const pool = setting.newPool({ max: 1, options: '-c lock_timeout=123ms' })
    const { failures } = pgDatabase(pool)
    const by = instance()
    const own = { lock_timeout: '123ms' }
    const after = async (): Promise<unknown> => (await pool.query<object>('show lock_timeout')).rows[0]
    await failures.record(failure(by))
    const claimed = async (): Promise<ClaimedFailure> => {
      const [one] = await failures.claim({ by, kind: 'sound', atMost: 1 })
      if (one === undefined) throw new Error('Nothing was due.')
      return one
    }
    await failures.giveBack(await claimed(), by, 0)
    expect(await after()).toEqual(own)
    await failures.fail(await claimed(), by, fate())
    expect(await after()).toEqual(own)
    const inside: unknown[] = []
    const note = async (tx: pg.ClientBase): Promise<void> => void inside.push(await shown(tx))
    const last = await claimed()
    expect(await failures.retry(last, by, note)).toMatchObject({ own: true })
    expect(await failures.retry(last, by, note)).toMatchObject({ own: false })
    expect(inside).toEqual([own])
    expect(await after()).toEqual(own)
  })

  test('is not that by which a kept message is waited for', async () => {
    const { failures } = pgDatabase(setting.newPool({ options: '-c lock_timeout=50ms' }))
    const by = instance()
    await failures.record(failure(by))
    const [claimed] = await failures.claim({ by, kind: 'sound', atMost: 1 })
    if (claimed === undefined) throw new Error('Nothing was due.')
    const holder = await setting.newClient()
    await holder.query('begin; update waybill.failure set revision = revision')
    const waiting = failures.fail(claimed, by, fate())
    expect(await isPending(waiting, 150)).toBe(true)
    await holder.query('rollback')
    expect(await waiting).toMatchObject({ own: true })
  })

  test('is in force again after the inbox has waited in vain', async () => {
    const [first, second] = [await setting.newClient(), await setting.newClient()]
    const impatient = pgDatabase(setting.pool, { lockTimeoutMs: 50 })
    const entry = { consumer: 'c', messageId: randomUUID(), fingerprint: 1 }
    await first.query('begin')
    await impatient.inbox.remember(first, entry)
    await second.query(`set lock_timeout = '9s'; begin; savepoint before`)
    await expect(impatient.inbox.remember(second, entry)).rejects.toMatchObject({ code: '55P03' })
    await second.query('rollback to savepoint before')
    expect(await shown(second)).toEqual({ lock_timeout: '9s' })
    await first.query('rollback')
    await second.query('rollback')
  })
})
