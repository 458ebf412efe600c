import { expect, test } from 'vitest'
import { fetchValues } from '../../../adapters/postgres/record-rows.ts'
import { fetch } from '../../../adapters/postgres/statements/fetch.ts'
import { look } from '../../../adapters/postgres/statements/look.ts'
import { park } from '../../../adapters/postgres/statements/park.ts'
import { settle } from '../../../adapters/postgres/statements/settle.ts'
import type { OutboxRecord } from '../../../src/ports.ts'
import { createReader, EVERYTHING, type Reader } from '../../../testing/contracts/relay-store-reader.ts'
import { explain, scansOf, type Plan } from './explain.ts'
import { createSetting, insert, insertMany, type Setting } from './setting.ts'

const GATED = [
  { exchange: 'shut', routingKey: null },
  { exchange: 'half', routingKey: 'shut' },
]

/** Ways in which the statistics of the outbox can be wrong before it fills up. */
const STATISTICS: Readonly<Record<string, (setting: Setting) => Promise<unknown>>> = {
  'were never taken': () => Promise.resolve(),
  'were taken when it was empty': ({ pool }) => pool.query('analyze waybill.outbox'),
  'were taken when one lane had a few records': async ({ pool }) => {
    for (let count = 0; count < 50; count++) await insert(pool, { lane: 3 })
    await pool.query('analyze waybill.outbox')
  },
  'were taken after one transaction had written all of it': async ({ pool }) => {
    await insertMany(pool, 50_000)
    await pool.query('analyze waybill.outbox')
  },
  'were taken by a vacuum that saw nothing of what one transaction was writing': async (setting) => {
    const writer = await setting.connect()
    await writer.query('begin')
    await insertMany(writer, 50_000)
    await setting.pool.query('vacuum waybill.outbox')
    await writer.query('commit')
  },
}

test.for(Object.entries(STATISTICS))(
  'every statement uses the indexes when statistics %s',
  async ([, prepare]) => {
    await using setting = await createSetting()
    await prepare(setting)
    await insertMany(setting.pool, 100_000)
    const reader = await createReader(setting.store)
    const records = (await reader.fetch({ lanes: reader.lanes({ maxRecords: 125 }) })).pages.flatMap(
      (page) => page.records,
    )
    expect(records).toHaveLength(2000)

    for (const plan of await fetchPlans(setting, reader)) {
      expectIndexesOnly(plan)
      expect(rowsRead(plan)).toBeLessThan(4500)
    }
    for (const plan of await lookPlans(setting, reader)) {
      expectIndexesOnly(plan)
      expect(rowsRead(plan)).toBeLessThanOrEqual(20 + 100)
    }
    for (const plan of await removalPlans(setting, records)) {
      expectIndexesOnly(plan)
      // Each record is looked up once, and then removed at its place.
      expect(scansOf(plan).reduce((sum, { loops }) => sum + loops, 0)).toBe(2 * records.length)
      expect(plan.pages).toBeLessThan(40 * records.length)
    }
  },
)

test('nothing parked makes passing over blocked keys free', async () => {
  await using setting = await createSetting()
  await insertMany(setting.pool, 10_000)
  const reader = await createReader(setting.store)
  expect(await lookups(setting, reader)).toBeLessThanOrEqual(2)
})

test('many parked records cost a fetch one look into the index for each record, not a look at all of them', async () => {
  await using setting = await createSetting()
  const { pool } = setting
  await insertMany(pool, 10_000)
  await pool.query(
    `insert into waybill.parked (id, lane, version, created_at, message_id, key, type, source, exchange, routing_key,
       headers, content_type, payload, state, reason, error)
     select n, n % 16, 1, now(), gen_random_uuid(), 'parked ' || n, 't', 's', 'e', 'r', '{}', 'c', '', 'dead', '', ''
     from generate_series(1, 20000) as n`,
  )
  const reader = await createReader(setting.store)
  expect(await lookups(setting, reader)).toBeLessThanOrEqual(16 * 10 + 2)
})

/** How many scans or rows of parked records a fetch of ten records in each lane takes. */
async function lookups({ pool }: Setting, reader: Reader): Promise<number> {
  const lanes = reader.lanes({ maxRecords: 10 })
  const request = { relayId: reader.relayId, lanes, gated: [], passBlockedKeys: true }
  const plan = await explain(
    pool,
    fetch('waybill', { gated: false, blockedKeys: true }),
    fetchValues(request),
  )
  return scansOf(plan, /^parked/).reduce((sum, { loops, rows }) => sum + loops * Math.max(rows, 1), 0)
}

test('with hints a fetch costs the same however much was consumed while vacuum is blocked; a sweep pays for it', async () => {
  await using setting = await createSetting()
  const { pool, store } = setting
  const old = await setting.connect()
  await old.query('begin isolation level repeatable read')
  await old.query('select 1')
  const reader = await createReader(store)
  const costs: { hinted: number; sweep: number }[] = []
  for (let round = 0; round < 4; round++) {
    await insertMany(pool, 20_000)
    await pool.query('delete from waybill.outbox')
    const { sequence } = await reader.fetch()
    await store.settle([])
    const { snapshot } = await reader.fetch()
    await insertMany(pool, 160)
    const hints = { base: snapshot, low: sequence, pos: EVERYTHING }
    costs.push({
      hinted: await pagesTouched(setting, reader, hints),
      sweep: await pagesTouched(setting, reader, {}),
    })
  }
  const [first, , , last] = costs
  expect(last?.hinted).toBeLessThan((first?.hinted ?? 0) * 1.5)
  expect(last?.sweep).toBeGreaterThan((first?.sweep ?? 0) * 2)
})

async function fetchPlans({ pool, store }: Setting, reader: Reader): Promise<Plan[]> {
  const { snapshot, sequence } = await reader.fetch({ lanes: [] })
  const { xid } = await store.settle([])
  const { rows } = await pool.query<{ xid: string }>('select xid from waybill.outbox limit 1')
  const writer = Number(rows[0]?.xid)
  const late = `${String(writer)}:${String(xid)}:${String(writer)}`
  const hints = [
    {},
    { base: snapshot, low: sequence, pos: EVERYTHING },
    { base: snapshot, low: 20_000, pos: 20_000 },
    { base: late, low: sequence, pos: EVERYTHING },
  ]
  const plans: Plan[] = []
  for (const hint of hints) {
    for (const full of [false, true]) {
      const gated = full ? GATED : []
      const lanes = reader.lanes({ ...hint, maxRecords: 125 })
      const values = fetchValues({ relayId: reader.relayId, lanes, gated, passBlockedKeys: full })
      plans.push(await explain(pool, fetch('waybill', { gated: full, blockedKeys: full }), values))
    }
  }
  return plans
}

/** Looks for the last twenty of a lot of records, the second one after the end of the transaction that wrote them. */
async function lookPlans({ pool }: Setting, reader: Reader): Promise<Plan[]> {
  const { rows } = await pool.query<{ id: string; xid: string }>(
    'select id, xid from waybill.outbox order by id desc limit 1',
  )
  const last = Number(rows[0]?.id)
  const writer = Number(rows[0]?.xid)
  const base = `${String(writer)}:${String(writer + 1)}:${String(writer)}`
  const lanes = reader.owned.map(({ lane }) => lane)
  const values = [reader.relayId, lanes, last - 20, last, base, 100, 65_536]
  const plans: Plan[] = []
  for (const open of [false, true]) {
    plans.push(
      await explain(pool, look('waybill', { leaf: (last >> 18) & 3, blockedKeys: true, open }), values),
    )
  }
  return plans
}

async function removalPlans(setting: Setting, records: readonly OutboxRecord[]): Promise<Plan[]> {
  const named = [
    records.map(({ lane }) => lane),
    records.map(({ position }) => position),
    records.map(({ messageId }) => messageId),
  ]
  const texts = records.map(() => 'why')
  const client = await setting.connect()
  await client.query('begin')
  const settling = await explain(client, settle('waybill'), named)
  await client.query('rollback')
  await client.query('begin')
  const parking = await explain(client, park('waybill'), [
    ...named,
    texts,
    texts,
    records.map(() => 1),
    records.map(() => null),
  ])
  await client.query('rollback')
  return [settling, parking]
}

function expectIndexesOnly(plan: Plan): void {
  const scans = scansOf(plan)
  expect(scans.length).toBeGreaterThan(0)
  for (const scan of scans) expect(scan.kind).toMatch(/^(Index|Bitmap|Tid)/)
  expect(plan.compiled).toBe(false)
}

function rowsRead(plan: Plan): number {
  return scansOf(plan).reduce((sum, { rows, loops }) => sum + rows * loops, 0)
}

async function pagesTouched({ pool }: Setting, reader: Reader, hints: object): Promise<number> {
  const request = { relayId: reader.relayId, lanes: reader.lanes(hints), gated: [], passBlockedKeys: false }
  const plan = await explain(
    pool,
    fetch('waybill', { gated: false, blockedKeys: false }),
    fetchValues(request),
  )
  return plan.pages
}
