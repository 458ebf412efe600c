import { expect, test } from 'vitest'
import type { FetchResult } from '../../../src/ports.ts'
import { createReader, EVERYTHING } from '../../../testing/contracts/relay-store-reader.ts'
import { eventually } from '../../support/eventually.ts'
import { createSetting, insert, insertAt, LEAF_RUN, waitingSessions, type Setting } from './setting.ts'

const PLAIN_NEXTVAL = `alter table waybill.outbox alter column id set default nextval('waybill.outbox_id_seq')`
const PAUSE_KEY = 4711

test('a writer that was overtaken between its position and its commit is still found', async () => {
  const found = await withoutCheckpoint(overtakePausedWriter)
  expect(typesIn(found)).toEqual(['paused'])
})

test('the same schedule loses the record when the position is drawn before the transaction id', async () => {
  const found = await withoutCheckpoint(async (setting) => {
    await setting.pool.query(PLAIN_NEXTVAL)
    return overtakePausedWriter(setting)
  })
  expect(typesIn(found)).toEqual([])
})

/** Repeats a schedule that a checkpoint came into, which the server makes when it or another test sees fit. */
async function withoutCheckpoint(run: (setting: Setting) => Promise<Overtaken>): Promise<FetchResult> {
  for (;;) {
    await using setting = await createSetting()
    const { result, checkpointed } = await run(setting)
    if (!checkpointed) return result
  }
}

interface Overtaken {
  readonly result: FetchResult
  /** Whether one came between the first draw and the last look. */
  readonly checkpointed: boolean
}

/**
 * A writer pauses right after it has drawn its position, while the relay follows its rule: read the sequence, write and
 * commit, look. Then the writer commits and the relay looks again, with `low` at the sequence it has read.
 */
async function overtakePausedWriter(setting: Setting): Promise<Overtaken> {
  const { pool, store } = setting
  await pool.query(`
    create function pausing_xid() returns xid8 language plpgsql volatile as $$
    begin
      perform pg_advisory_xact_lock(${String(PAUSE_KEY)});
      return pg_current_xact_id();
    end $$`)
  await pool.query('alter table waybill.outbox alter column xid set default pausing_xid()')
  const reader = await createReader(store)
  // The first draw after a checkpoint writes to the log, and assigns a transaction id for that; the next 31 do not.
  await pool.query('checkpoint')
  const before = await lastCheckpoint(pool)
  await pool.query(`select nextval('waybill.outbox_id_seq')`)

  const gatekeeper = await setting.connect()
  await gatekeeper.query('select pg_advisory_lock($1)', [PAUSE_KEY])
  const writer = await setting.connect()
  const writing = insert(writer, { type: 'paused' })
  await eventually(async () => (await waitingSessions(setting)) === 1)

  const { sequence } = await reader.fetch()
  expect(sequence).toBe(2)
  await store.settle([])
  const look = await reader.fetch()
  await gatekeeper.query('select pg_advisory_unlock($1)', [PAUSE_KEY])
  expect(await writing).toBe(2)
  const hints = { base: look.snapshot, low: sequence, pos: EVERYTHING }
  const result = await reader.fetch({ lanes: reader.lanes(hints) })
  return { result, checkpointed: (await lastCheckpoint(pool)) !== before }
}

async function lastCheckpoint(pool: Setting['pool']): Promise<string> {
  const { rows } = await pool.query<{ redo: string }>(
    'select redo_lsn::text as redo from pg_control_checkpoint()',
  )
  return rows[0]?.redo ?? ''
}

test('a jump of the sequence hides nothing', async () => {
  await using setting = await createSetting()
  const { pool, store } = setting
  const reader = await createReader(store)
  await insert(pool, { type: 'before' })
  const { sequence } = await reader.fetch()
  await store.settle([])
  const open = await setting.connect()
  await open.query('begin')
  await insert(open, { type: 'across' })
  const look = await reader.fetch()
  await pool.query(`select setval('waybill.outbox_id_seq', $1)`, [11 * LEAF_RUN + 5])
  await insert(pool, { type: 'after' })
  await open.query('commit')
  const hints = { base: look.snapshot, low: sequence, pos: EVERYTHING }
  expect(typesIn(await reader.fetch({ lanes: reader.lanes(hints) }))).toEqual(['across', 'after'])
})

test('a position given out twice leaves each record to its own settlement', async () => {
  await using setting = await createSetting()
  const { pool, store } = setting
  const reader = await createReader(store)
  await insert(pool, { type: 'published by the old server' })
  const [published] = await reader.everything()
  if (published === undefined) throw new Error('Nothing was written.')
  await pool.query('delete from waybill.outbox')
  await pool.query(`select setval('waybill.outbox_id_seq', 1, false)`)
  await insert(pool, { type: 'written after the failover' })
  expect(await store.settle([published])).toMatchObject({ removed: 0 })
  const [survivor] = await reader.everything()
  expect(survivor).toMatchObject({ type: 'written after the failover', position: published.position })
})

test('positions come out exactly up to the last one that JavaScript can count', async () => {
  await using setting = await createSetting()
  const { pool, store } = setting
  const reader = await createReader(store)
  const last = Number.MAX_SAFE_INTEGER
  await insertAt(pool, last - 1, 'last but one')
  await pool.query(`select setval('waybill.outbox_id_seq', $1, false)`, [last])
  expect(await insert(pool, { type: 'last' })).toBe(last)
  const { pages, sequence } = await reader.fetch()
  expect(sequence).toBe(last)
  expect(pages[0]?.records.map(({ position }) => position)).toEqual([last - 1, last])
  expect(await store.settle(pages[0]?.records ?? [])).toMatchObject({ removed: 2 })
  await expect(insert(pool)).rejects.toMatchObject({ code: '2200H' })
})

function typesIn(result: FetchResult): string[] {
  return result.pages.flatMap(({ records }) => records.map(({ type }) => type))
}
