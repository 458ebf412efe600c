import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { pgDatabase } from '../../../adapters/pg/index.ts'
import { createRelayStore } from '../../../adapters/postgres/index.ts'
import { createRelay } from '../../../relay/index.ts'
import { createOperations } from '../../../src/ports.ts'
import { createMover } from '../../../testing/contracts/mover.ts'
import { record } from '../../../testing/contracts/database-subject.ts'
import { eventually } from '../../support/eventually.ts'
import { createRecordingBroker } from '../relay/recording-broker.ts'
import { beforeStatement, createSetting, type Setting } from './setting.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** A row of the history that was written so many hours ago; its id is some minutes ahead of that. */
async function note({ pool }: Pick<Setting, 'pool'>, hoursAgo: number, idAhead = 0): Promise<string> {
  const { rows } = await pool.query<{ id: string }>(
    `insert into waybill.history (minute, written_at, lane, message_id, type, source, exchange, routing_key, payload)
     select floor(extract(epoch from at) / 60) + $2, at, 0, gen_random_uuid(), 't', 's', 'e', 'r', ''
     from (select now() - $1 * interval '1 hour' as at) as a returning message_id as id`,
    [hoursAgo, idAhead],
  )
  return rows[0]?.id ?? ''
}

async function left({ pool }: Setting): Promise<string[]> {
  const { rows } = await pool.query<{ id: string }>('select message_id as id from waybill.history')
  return rows.map(({ id }) => id).sort()
}

test('what is younger than the retention is never forgotten, and what is four hours older always', async () => {
  await using setting = await createSetting()
  // Around the retention it is decided.
  const fromRetention = fc.double({ min: -2, max: 5, noNaN: true })
  const ages = fc.array(fc.tuple(fromRetention, fc.integer({ min: -60, max: 60 })), {
    minLength: 1,
    maxLength: 20,
  })
  await fc.assert(
    fc.asyncProperty(ages, fc.integer({ min: 1, max: 40 }), async (given, retention) => {
      await setting.pool.query('delete from waybill.history')
      const noted = await Promise.all(
        given.map(async ([more, ahead]) => {
          const hours = Math.min(Math.max(retention + more, 0), 44)
          return { hours, id: await note(setting, hours, ahead) }
        }),
      )
      await setting.store.forgetHistory({ retentionMs: retention * HOUR_MS })
      const kept = await left(setting)
      for (const { hours, id } of noted) {
        if (hours < retention - 0.02) expect(kept).toContain(id)
        if (hours > retention + 4) expect(kept).not.toContain(id)
      }
    }),
    { numRuns: 40, examples: [[[[-0.05, -60]], 24]] },
  )
})

test('it is known from when on the history is whole', async () => {
  await using setting = await createSetting()
  const young = await note(setting, 20)
  await note(setting, 30)
  expect(await setting.store.forgetHistory({ retentionMs: DAY_MS })).toHaveLength(1)
  expect(await left(setting)).toEqual([young])
  const { rows } = await setting.pool.query<{ hours: number }>(
    `select (extract(epoch from now()) / 60 - from_minute) / 60 as hours from waybill.history_kept`,
  )
  expect(Number(rows[0]?.hours)).toBeGreaterThan(29)
  expect(Number(rows[0]?.hours)).toBeLessThanOrEqual(30)
  expect(await setting.store.forgetHistory({ retentionMs: DAY_MS })).toEqual([])
})

test('an hour that nobody emptied in two days is forgotten with the one that came after it, and not before', async () => {
  await using setting = await createSetting()
  const both = [await note(setting, 1), await note(setting, 49)].sort()
  expect(await setting.store.forgetHistory({ retentionMs: HOUR_MS })).toEqual([])
  expect(await left(setting)).toEqual(both)
})

test('what is written late into an old hour survives, committed between the look and the lock or not at all yet', async () => {
  await using setting = await createSetting()
  await note(setting, 30)
  const late = beforeStatement(setting.sql, /^lock table/, async () => {
    await setting.pool.query(`
      insert into waybill.history (minute, lane, message_id, type, source, exchange, routing_key, payload)
      select minute + 48 * 60, 0, gen_random_uuid(), 't', 's', 'e', 'r', '' from waybill.history`)
  })
  expect(await createRelayStore(late).forgetHistory({ retentionMs: DAY_MS })).toEqual([])
  expect(await left(setting)).toHaveLength(2)
  await setting.pool.query('delete from waybill.history')
  await note(setting, 30)
  const writer = await setting.connect()
  await writer.query('begin')
  await note({ pool: writer as never }, 30)
  const startedAt = performance.now()
  expect(await setting.store.forgetHistory({ retentionMs: DAY_MS })).toEqual([])
  expect(performance.now() - startedAt).toBeLessThan(10_000)
  await writer.query('rollback')
  expect(await setting.store.forgetHistory({ retentionMs: DAY_MS })).toHaveLength(1)
})

test('every id has a place: its own minute, or that of the clock when it tells none or another hour', async () => {
  await using setting = await createSetting()
  const { outbox, transaction } = pgDatabase(setting.pool)
  const idAt = (ms: number): string => {
    const hex = Math.floor(ms).toString(16).padStart(12, '0')
    return `${hex.slice(0, 8)}-${hex.slice(8)}-7${randomUUID().slice(15)}`
  }
  const now = Date.now()
  const own = [idAt(now), idAt(now - 0.5 * HOUR_MS), idAt(now + 0.5 * HOUR_MS)]
  const others = [
    ...[randomUUID(), idAt(0), idAt(2 ** 48 - 1), idAt(now - 2 * HOUR_MS), idAt(now + 2 * HOUR_MS)],
    'ffffffff-ffff-8fff-bfff-ffffffffffff',
  ]
  await transaction(async (tx) => {
    const records = [...own, ...others].map((messageId) => record({ messageId }))
    for (const one of records) await outbox.append(tx, [one], { history: true })
  })
  const { rows } = await setting.pool.query<{ id: string; minute: number }>(
    'select message_id as id, minute from waybill.history',
  )
  const minuteOf = new Map(rows.map(({ id, minute }) => [id, minute]))
  for (const id of own)
    expect(minuteOf.get(id)).toBe(Math.floor(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16) / 60_000))
  for (const id of others) expect(Math.abs((minuteOf.get(id) ?? 0) - now / 60_000)).toBeLessThan(2)
})

test('a message that is written or scheduled by SQL is noted if that is asked for', async () => {
  await using setting = await createSetting()
  const head = `type => 'order.placed', payload => '{"n": 1}', key => 'k', source => 'orders'`
  await setting.pool.query(`select waybill.write(${head})`)
  await setting.pool.query(`select waybill.schedule(deliver_at => now(), ${head})`)
  await setting.pool.query(
    `select waybill.write(${head}, history => null), waybill.schedule(now(), ${head}, history => null)`,
  )
  const { rows } = await setting.pool.query<{ now: string; later: string }>(
    `select waybill.write(${head}, history => true) as now,
       waybill.schedule(deliver_at => now(), ${head}, history => true) as later`,
  )
  expect(await left(setting)).toEqual([rows[0]?.now])
  await using mover = await createMover(setting.store)
  expect((await mover.move()).moved).toBe(3)
  expect(await left(setting)).toEqual([rows[0]?.now, rows[0]?.later].sort())
  const { rows: differing } = await setting.pool.query(
    `select from waybill.history as h join waybill.outbox as o using (message_id)
     where (h.lane, h.version, h.key, h.type, h.source, h.exchange, h.routing_key, h.headers, h.content_type, h.payload)
       is distinct from
       (o.lane, o.version, o.key, o.type, o.source, o.exchange, o.routing_key, o.headers, o.content_type, o.payload)`,
  )
  expect(differing).toEqual([])
})

test('a record that an operator edits is noted under its new id, if it was noted before', async () => {
  await using setting = await createSetting()
  const database = pgDatabase(setting.pool)
  const operations = createOperations({ database, editing: true })
  for (const history of [true, false]) {
    const { rows } = await setting.pool.query<{ id: string }>(
      `select waybill.write('order.placed', '{}', null, 'orders', history => $1) as id`,
      [history],
    )
    await setting.pool.query(
      `with gone as (delete from waybill.outbox returning *)
       insert into waybill.parked (id, lane, version, created_at, message_id, type, source, exchange, routing_key, headers,
         content_type, payload, state, reason, error)
       select id, lane, version, created_at, message_id, type, source, exchange, routing_key, headers, content_type, payload,
         'dead', 'rejected', '' from gone`,
    )
    const [letter] = (await operations.letters.list({})).items
    expect(letter?.messageId).toBe(rows[0]?.id)
    const edited = await operations.letters.replayEdited(letter?.id ?? '', {
      ...{ by: { name: 'ada', via: 'cli' }, reason: 'was wrong' },
      payload: Buffer.from('{"n":2}'),
    })
    expect((await left(setting)).includes(edited.messageId)).toBe(history)
  }
})

test('the relay that owns the first lane forgets', async () => {
  await using setting = await createSetting()
  const young = await note(setting, 20)
  await note(setting, 30)
  const broker = createRecordingBroker()
  const relay = createRelay({ database: pgDatabase(setting.pool), transport: broker.transport() }, {})
  await relay.start()
  await eventually(async () => (await left(setting)).length === 1)
  expect(await left(setting)).toEqual([young])
  await relay.stop()
})

test('relays of the release before work on beside it', async () => {
  await using setting = await createSetting()
  const broker = createRecordingBroker()
  const store = createRelayStore(setting.sql, { codeVersion: 12 })
  const relay = createRelay(
    { database: { ...pgDatabase(setting.pool), relay: store }, transport: broker.transport() },
    {},
  )
  await relay.start()
  await setting.pool.query(`select waybill.write('order.placed', '{}', null, 'orders', history => true)`)
  await eventually(() => broker.arrived.length === 1)
  await relay.stop()
})
