import { describe, expect, test } from 'vitest'
import { createRelayStore, type SqlPool } from '../../../adapters/postgres/index.ts'
import { fetchResult, fetchValues } from '../../../adapters/postgres/record-rows.ts'
import { fetch } from '../../../adapters/postgres/statements/fetch.ts'
import type { FetchRequest, FetchResult, LanePage, LaneRequest, RelayStore } from '../../../src/ports.ts'
import { createReader, EVERYTHING, type Reader } from '../../../testing/contracts/relay-store-reader.ts'
import { createRandom } from '../../unit/relaying/random.ts'
import { createSetting, insert, insertMany, LEAF_RUN, type Setting } from './setting.ts'

/** A relay that has seen everything, and how many statements each of its fetches takes: two when a look was void. */
async function createIdleRelay(setting: Setting) {
  let statements = 0
  const counting: SqlPool = {
    transaction: (work) => setting.sql.transaction(work),
    query(text, values) {
      statements += 1
      return setting.sql.query(text, values)
    },
  }
  const store = createRelayStore(counting)
  const reader = await createReader(store)
  await insert(setting.pool)
  const hints = await seenEverything(store, reader)
  return {
    store,
    reader,
    hints,
    async fetch(request: Partial<FetchRequest> = {}): Promise<{ result: FetchResult; statements: number }> {
      const before = statements
      const lanes = reader.lanes({ ...hints, maxRecords: 62 })
      const result = await reader.fetch({ lanes, passBlockedKeys: true, ...request })
      return { result, statements: statements - before }
    },
  }
}

async function seenEverything(store: RelayStore, reader: Reader): Promise<Partial<LaneRequest>> {
  const { sequence } = await reader.fetch()
  await store.settle([])
  const { snapshot } = await reader.fetch()
  return { base: snapshot, low: sequence, pos: EVERYTHING }
}

const positions = ({ pages }: FetchResult): number[] =>
  pages.flatMap(({ records }) => records.map(({ position }) => position))

describe('a relay that waits for the next record', () => {
  test('finds it with one statement', async () => {
    await using setting = await createSetting()
    const relay = await createIdleRelay(setting)
    expect(await relay.fetch()).toMatchObject({ statements: 1 })
    const position = await insert(setting.pool, { lane: 5, key: 'a' })
    const { result, statements } = await relay.fetch()
    expect(statements).toBe(1)
    expect(positions(result)).toEqual([position])
    expect(result.pages).toHaveLength(16)
  })

  test('finds it also where the next leaf has begun, or the sequence has leapt over several', async () => {
    await using setting = await createSetting()
    const relay = await createIdleRelay(setting)
    for (const leap of [LEAF_RUN - 10, LEAF_RUN, 3 * LEAF_RUN]) {
      await setting.pool.query(
        `select setval('waybill.outbox_id_seq', nextval('waybill.outbox_id_seq') + $1)`,
        [leap],
      )
      const position = await insert(setting.pool)
      expect(positions((await relay.fetch()).result)).toContain(position)
    }
  })

  test('finds what a transaction wrote below that was open when it last looked', async () => {
    await using setting = await createSetting()
    const relay = await createIdleRelay(setting)
    const writer = await setting.connect()
    await writer.query('begin')
    const below = await insert(writer)
    await insert(setting.pool)
    const hints = await seenEverything(relay.store, relay.reader)
    const lanes = relay.reader.lanes({ ...hints, maxRecords: 62 })
    expect(await relay.fetch({ lanes })).toMatchObject({ statements: 1 })
    await writer.query('commit')
    expect(positions((await relay.fetch({ lanes })).result)).toEqual([below])
  })

  test('brings all of many records, and a large one', async () => {
    await using setting = await createSetting()
    const relay = await createIdleRelay(setting)
    const large = await insert(setting.pool, { payload: 'x'.repeat(100_000) })
    expect(positions((await relay.fetch()).result)).toEqual([large])
    await insertMany(setting.pool, 500)
    expect(positions((await relay.fetch()).result)).toHaveLength(501)
    await insertMany(setting.pool, 1500)
    expect((await relay.fetch()).result.pages.filter(({ cut }) => cut)).toHaveLength(16)
  })

  test('passes over a key that has a parked record', async () => {
    await using setting = await createSetting()
    const relay = await createIdleRelay(setting)
    await insert(setting.pool, { key: 'stuck' })
    const failed = (await relay.fetch()).result.pages.flatMap(({ records }) => records)
    await relay.store.park(
      failed.map((record) => ({ ...record, reason: 'rejected', error: '', attempts: 1, retryInMs: null })),
    )
    const behind = await insert(setting.pool, { key: 'stuck' })
    const free = await insert(setting.pool, { key: 'free' })
    expect(positions((await relay.fetch()).result)).toEqual([free])
    expect(positions((await relay.fetch({ passBlockedKeys: false })).result)).toEqual([behind, free])
  })

  test('is not answered for lanes that it has lost', async () => {
    await using setting = await createSetting()
    const relay = await createIdleRelay(setting)
    await setting.pool.query('update waybill.lane set epoch = epoch + 1 where lane = 3')
    await insert(setting.pool, { lane: 3 })
    const { result, statements } = await relay.fetch()
    expect(statements).toBe(1)
    expect(result.pages.map(({ lane }) => lane)).not.toContain(3)
    expect(positions(result)).toEqual([])
  })

  test.for([1, 2, 3])('sees what the whole fetch sees, whatever writers do (seed %i)', async (seed) => {
    await using setting = await createSetting()
    const relay = await createIdleRelay(setting)
    const random = createRandom(seed)
    const writers = await Promise.all([1, 2, 3].map(() => setting.connect()))
    const open = new Set<number>()
    let hints = relay.hints
    let looks = 0
    for (let step = 0; step < 250; step += 1) {
      const turn = Math.floor(random() * writers.length)
      const writer = writers[turn]
      if (writer === undefined) continue
      const choice = random()
      if (!open.has(turn)) {
        await writer.query('begin')
        open.add(turn)
      }
      if (choice < 0.4)
        for (let count = 0; count < random() * 4; count += 1)
          await insert(writer, { lane: Math.floor(random() * 16) })
      else if (choice < 0.8) {
        await writer.query(choice < 0.7 ? 'commit' : 'rollback')
        open.delete(turn)
      } else if (choice < 0.83)
        await setting.pool.query(
          `select setval('waybill.outbox_id_seq', nextval('waybill.outbox_id_seq') + $1::bigint)`,
          [Math.floor(random() * LEAF_RUN)],
        )
      else if (choice < 0.86) hints = await seenEverything(relay.store, relay.reader)
      const lanes = relay.reader.lanes({ ...hints, maxRecords: 62 })
      const { result, statements } = await relay.fetch({ lanes })
      if (statements === 1) looks += 1
      expect(result.pages).toEqual(
        await wholeFetch(setting, { relayId: relay.reader.relayId, lanes, gated: [], passBlockedKeys: true }),
      )
    }
    expect(looks).toBeGreaterThan(20)
  })
})

async function wholeFetch({ sql }: Setting, request: FetchRequest): Promise<readonly LanePage[]> {
  const rows = await sql.query(fetch('waybill', { gated: false, blockedKeys: true }), fetchValues(request))
  return [...fetchResult(rows, request.lanes).pages].sort((one, other) => one.lane - other.lane)
}
