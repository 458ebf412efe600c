import { expect, test } from 'vitest'
import { dueValues } from '../../../adapters/postgres/parked-calls.ts'
import { due } from '../../../adapters/postgres/statements/due.ts'
import { moveScheduled } from '../../../adapters/postgres/statements/move-scheduled.ts'
import type { DueRequest, ParkRequest } from '../../../src/ports.ts'
import { createReader, type Reader } from '../../../testing/contracts/relay-store-reader.ts'
import { eventually } from '../../support/eventually.ts'
import { explain, scansOf } from './explain.ts'
import { createSetting, insert, waitingSessions, type Setting } from './setting.ts'

const REFUSED = { reason: 'refused', error: 'full', attempts: 1, retryInMs: 0 }

function requestOf({ relayId, owned }: Reader): DueRequest {
  const all = { maxRecords: 100, maxBytes: 1 << 20, gated: [], except: [] }
  return { relayId, lanes: owned, inOrder: true, ...all }
}

/** Parks a record of each type, all of one key, and leaves one behind them in the outbox. */
async function parkOneKey(
  setting: Setting,
  reader: Reader,
  types: readonly string[],
): Promise<ParkRequest[]> {
  for (const type of types) await insert(setting.pool, { key: 'k', type })
  const requests = (await reader.everything()).map((one) => ({ ...one, ...REFUSED }))
  await setting.store.park(requests)
  await insert(setting.pool, { key: 'k', type: 'behind' })
  return requests
}

test('a discarded record holds nobody back, nor is it tried, counted or told of', async () => {
  await using setting = await createSetting()
  const { store, pool } = setting
  const reader = await createReader(store)
  const [first, second] = await parkOneKey(setting, reader, ['first', 'second'])
  const discard = (one: ParkRequest | undefined): Promise<unknown> =>
    pool.query(`update waybill.parked set state = 'discarded' where message_id = $1`, [one?.messageId])
  const isDue = async (): Promise<unknown> =>
    (await store.due(requestOf(reader))).map(({ record: { type }, isFollowed }) => [type, isFollowed])
  const passing = async (): Promise<string[]> =>
    (await reader.fetch({ passBlockedKeys: true })).pages.flatMap((page) =>
      page.records.map(({ type }) => type),
    )

  expect(await isDue()).toEqual([['first', true]])
  await discard(first)
  expect(await isDue()).toEqual([['second', false]])
  expect(await store.blockedKeys([0])).toEqual(new Set(['0:k']))
  expect(await passing()).toEqual([])
  await discard(second)
  expect(await isDue()).toEqual([])
  expect(await store.blockedKeys([0])).toEqual(new Set())
  expect(await store.countBlocked({ look: 10, crowd: 0 })).toMatchObject({ keys: 0, records: 0 })
  expect(await passing()).toEqual(['behind'])
})

test('a refusal is noted with its reason where the record is parked', async () => {
  await using setting = await createSetting()
  const reader = await createReader(setting.store)
  const [one] = await parkOneKey(setting, reader, ['first'])
  if (one === undefined) throw new Error('Nothing was parked.')
  await setting.store.park([{ ...one, reason: 'fatal', error: 'closed', attempts: 2, retryInMs: 60_000 }])
  const { rows } = await setting.pool.query(
    `select state, attempts, reason, error, next_attempt_at > now() as waits from waybill.parked`,
  )
  expect(rows).toEqual([{ state: 'retry', attempts: 2, reason: 'fatal', error: 'closed', waits: true }])
})

test('nobody moves scheduled messages past those that another one is just moving', async () => {
  await using setting = await createSetting()
  const { store, pool } = setting
  const { relayId, owned } = await createReader(store)
  const epoch = owned.find(({ lane }) => lane === 0)?.epoch ?? NaN
  for (const type of ['first', 'second']) {
    await pool.query(`select waybill.schedule(now() - interval '1 s', $1, '{}', 'k', 'tests')`, [type])
  }
  const slow = await setting.connect()
  await slow.query('begin')
  await slow.query(moveScheduled('waybill'), [relayId, epoch, 1, 1000])
  const moving = store.moveScheduled({ relayId, epoch, maxRecords: 1, maxBytes: 1000 })
  await eventually(async () => (await waitingSessions(setting)) === 1)
  await slow.query('commit')
  expect(await moving).toMatchObject({ moved: 1 })
  const { rows } = await pool.query('select type from waybill.outbox order by id')
  expect(rows).toEqual([{ type: 'first' }, { type: 'second' }])
})

test('a look for parked records uses their index, however many wait for their time', async () => {
  await using setting = await createSetting()
  const { pool, store } = setting
  await pool.query(
    `insert into waybill.parked (id, lane, version, created_at, message_id, key, type, source, exchange, routing_key,
       headers, content_type, payload, state, next_attempt_at, reason, error)
     select n, n % 16, 1, now(), gen_random_uuid(), 'key ' || n, 't', 's', 'e', 'r', '{}', 'c', 'x', 'retry',
       now() + (n - 100) * interval '1 minute', '', ''
     from generate_series(1, 20000) as n`,
  )
  const reader = await createReader(store)
  const request = requestOf(reader)
  const gated = [{ exchange: 'shut', routingKey: null }]
  for (const each of [request, { ...request, gated, except: ['01890a5d-ac96-774b-bcce-b302099a8057'] }]) {
    const filters = { inOrder: true, gated: each.gated.length > 0 }
    const plan = await explain(pool, due('waybill', filters), dueValues(each))
    const scans = scansOf(plan, /^parked/)
    expect(scans.length).toBeGreaterThan(0)
    for (const scan of scans) expect(scan.kind).toMatch(/^(Index|Bitmap)/)
    expect(scans.reduce((sum, { rows, loops }) => sum + rows * loops, 0)).toBeLessThan(500)
  }
  expect(await store.due(request)).toHaveLength(100)
})
