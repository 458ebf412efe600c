import type pg from 'pg'
import { expect, test } from 'vitest'
import { createRelayStore } from '../../../adapters/postgres/index.ts'
import { createReader } from '../../../testing/contracts/relay-store-reader.ts'
import { eventually } from '../../support/eventually.ts'
import {
  beforeStatement,
  createSetting,
  insert,
  insertAt,
  insertMany,
  LEAF_RUN,
  waitingSessions,
  type Setting,
} from './setting.ts'

test('a drained leaf is emptied while an old snapshot keeps VACUUM from doing it', async () => {
  await using setting = await createSetting()
  const { pool, store } = setting
  await fillAndDrainLeafZero(setting)
  const old = await setting.connect()
  await old.query('begin isolation level repeatable read')
  await old.query('select 1')
  expect(await size(pool, 0)).toBeGreaterThan(0)
  expect(await store.rotate({ burn: false })).toMatchObject({ truncated: [0], burnt: 0 })
  expect(await size(pool, 0)).toBe(0)
  expect(await store.rotate({ burn: false })).toMatchObject({ truncated: [], burnt: 0 })
})

test('the current leaf and the next one are left alone', async () => {
  await using setting = await createSetting()
  const { pool, store } = setting
  for (const current of [0, 1, 2, 3]) {
    await pool.query('truncate waybill.outbox')
    for (const leaf of [0, 1, 2, 3]) await insertAt(pool, (4 + leaf) * LEAF_RUN + 1)
    await pool.query('delete from waybill.outbox')
    await pool.query(`select setval('waybill.outbox_id_seq', $1)`, [(4 + current) * LEAF_RUN + 1])
    const { truncated } = await store.rotate({ burn: false })
    expect([...truncated].sort()).toEqual([(current + 2) % 4, (current + 3) % 4].sort())
  }
})

test('a leaf with a record in it stays as it is, and is not even locked', async () => {
  await using setting = await createSetting()
  await fillAndDrainLeafZero(setting)
  await insertAt(setting.pool, 77, 'left behind')
  const store = createRelayStore(
    beforeStatement(setting.sql, /^lock table/, () => Promise.reject(new Error('A full leaf was locked.'))),
  )
  expect(await store.rotate({ burn: false })).toMatchObject({ truncated: [], burnt: 0 })
  await expectOnly(setting, ['left behind'])
})

test('a record that is committed between the look and the lock survives', async () => {
  await using setting = await createSetting()
  await fillAndDrainLeafZero(setting)
  const store = createRelayStore(
    beforeStatement(setting.sql, /^lock table/, () => insertAt(setting.pool, 77, 'just in time')),
  )
  expect(await store.rotate({ burn: false })).toMatchObject({ truncated: [], burnt: 0 })
  await expectOnly(setting, ['just in time'])
})

test('a leaf that somebody has written to is left until that transaction has ended', async () => {
  await using setting = await createSetting()
  await fillAndDrainLeafZero(setting)
  const writer = await setting.connect()
  await writer.query('begin')
  await insertAt(writer, 77, 'uncommitted')
  expect(await setting.store.rotate({ burn: false })).toMatchObject({ truncated: [], burnt: 0 })
  await writer.query('commit')
  expect(await setting.store.rotate({ burn: false })).toMatchObject({ truncated: [], burnt: 0 })
  await expectOnly(setting, ['uncommitted'])
})

test('writers do not queue behind a relay that waits for a leaf', async () => {
  await using setting = await createSetting()
  await fillAndDrainLeafZero(setting)
  const holder = await setting.connect()
  await holder.query('begin')
  await insertAt(holder, 77)
  const writer = await setting.connect()
  await writer.query(`set lock_timeout = '2s'`)
  const rotating = Promise.all(Array.from({ length: 20 }, () => setting.store.rotate({ burn: false })))
  const rotated = rotating.then(() => true)
  const notYet = Promise.resolve(false)
  for (let isOver = false; !isOver; isOver = await Promise.race([rotated, notYet])) {
    await writer.query('begin')
    await insertAt(writer, 78)
    await writer.query('rollback')
  }
  for (const { truncated } of await rotating) expect(truncated).toEqual([])
})

test('a relay that waits for a leaf is told by the server to give up after 50 ms, and who writes there goes on', async () => {
  await using setting = await createSetting()
  await fillAndDrainLeafZero(setting)
  const holder = await setting.connect()
  await holder.query('begin')
  await insertAt(holder, 77, 'first')
  let asked = 0
  const store = createRelayStore(
    beforeStatement(setting.sql, /^lock table/, async (transaction) => {
      asked += 1
      expect(await transaction.query('show lock_timeout')).toEqual([['50ms']])
    }),
  )
  // The lock is held until after the rotation: only the server can have ended it.
  expect(await store.rotate({ burn: false })).toMatchObject({ truncated: [], burnt: 0 })
  expect(asked).toBe(1)
  expect(await waitingSessions(setting)).toBe(0)
  await insertAt(setting.pool, 78, 'second')
  await insertAt(holder, 79, 'third')
  await holder.query('commit')
  await expectOnly(setting, ['first', 'second', 'third'])
})

test('writers that are open on other leaves hold nothing up', async () => {
  await using setting = await createSetting()
  await fillAndDrainLeafZero(setting)
  const writer = await setting.connect()
  await writer.query('begin')
  await insert(writer, { type: 'on the current leaf' })
  expect(await setting.store.rotate({ burn: false })).toMatchObject({ truncated: [0], burnt: 0 })
  await writer.query('commit')
  await expectOnly(setting, ['on the current leaf'])
})

test('whoever reads the whole outbox delays rotation, and is not disturbed', async () => {
  await using setting = await createSetting()
  await fillAndDrainLeafZero(setting)
  const dump = await setting.connect()
  await dump.query('begin isolation level repeatable read')
  await dump.query('select count(*) from waybill.outbox')
  expect(await setting.store.rotate({ burn: false })).toMatchObject({ truncated: [], burnt: 0 })
  await dump.query('commit')
  expect(await setting.store.rotate({ burn: false })).toMatchObject({ truncated: [0], burnt: 0 })
})

test('two relays may rotate at once', async () => {
  await using setting = await createSetting()
  await fillAndDrainLeafZero(setting)
  const rotations = await Promise.all([1, 2, 3, 4].map(() => setting.store.rotate({ burn: false })))
  expect(rotations.flatMap(({ truncated }) => truncated)).toContain(0)
})

test('a quiet outbox is moved on to its next leaf by drawing positions, so that the old one can be emptied', async () => {
  await using setting = await createSetting()
  const { pool, store } = setting
  await insertMany(pool, 20)
  await pool.query('delete from waybill.outbox')
  expect(await store.rotate({ burn: true })).toEqual({ truncated: [], rows: 0, burnt: LEAF_RUN - 20 })
  expect(await store.rotate({ burn: true })).toMatchObject({ truncated: [0], burnt: 0 })
  expect(await insert(pool)).toBe(LEAF_RUN + 1)
})

test('writers who draw positions at the same time get theirs for themselves', async () => {
  await using setting = await createSetting()
  const { pool, store } = setting
  await insertMany(pool, 20)
  const rotating = Promise.all([store.rotate({ burn: true }), store.rotate({ burn: true })])
  const positions: number[] = []
  for (let round = 0; round < 50; round++) positions.push(await insert(pool))
  await rotating
  expect(new Set(positions).size).toBe(50)
  const { rows } = await pool.query(`select id from waybill.outbox group by id having count(*) > 1`)
  expect(rows).toEqual([])
})

test('no position is given out twice when writers overtake a burn that is on its way', async () => {
  await using setting = await createSetting()
  const { pool, store } = setting
  await insertMany(pool, 20)
  await pool.query('delete from waybill.outbox')
  // Others may look at the sequence meanwhile, but not draw from it.
  const writer = await setting.connect()
  await writer.query('begin; alter sequence waybill.outbox_id_seq cache 1')
  const burning = store.rotate({ burn: true })
  await eventually(async () => (await waitingSessions(setting)) === 1)
  await writer.query(`select nextval('waybill.outbox_id_seq') from generate_series(1, ${String(LEAF_RUN)})`)
  const position = await insert(writer, { type: 'overtaking' })
  await writer.query('commit')
  await burning
  expect(await insert(pool, { type: 'behind it' })).toBeGreaterThan(position)
})

/** Leaf 0 holds nothing but what VACUUM would have to remove; leaf 1 is current. */
async function fillAndDrainLeafZero({ pool }: Setting): Promise<void> {
  await insertMany(pool, 500)
  await pool.query('delete from waybill.outbox')
  await pool.query(`select setval('waybill.outbox_id_seq', $1)`, [LEAF_RUN])
}

async function size(pool: pg.Pool, leaf: number): Promise<number> {
  const { rows } = await pool.query<{ size: string }>(
    `select pg_relation_size('waybill.outbox_${String(leaf)}') as size`,
  )
  return Number(rows[0]?.size)
}

async function expectOnly(setting: Setting, types: readonly string[]): Promise<void> {
  const reader = await createReader(setting.store)
  expect((await reader.everything()).map(({ type }) => type)).toEqual(types)
}
