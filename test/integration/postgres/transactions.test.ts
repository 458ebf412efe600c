import pg from 'pg'
import { expect, test } from 'vitest'
import type { FetchResult } from '../../../src/ports.ts'
import { createReader, EVERYTHING, type Reader } from '../../../testing/contracts/relay-store-reader.ts'
import { createTestDatabase } from '../../support/database.ts'
import { createSetting, insert, type Setting } from './setting.ts'

test('a prepared transaction is found once it is committed, and not before', async () => {
  await using setting = await createSetting()
  const reader = await createReader(setting.store)
  const client = await setting.connect()
  await client.query('begin')
  await insert(client, { type: 'prepared' })
  await client.query(`prepare transaction 'to be decided'`)
  const hints = await lookTwice(setting, reader)
  await insert(setting.pool, { type: 'meanwhile' })
  expect(typesIn(await reader.fetch({ lanes: reader.lanes(hints) }))).toEqual(['meanwhile'])
  await setting.pool.query(`commit prepared 'to be decided'`)
  expect(typesIn(await reader.fetch({ lanes: reader.lanes(hints) }))).toEqual(['prepared', 'meanwhile'])
})

test('what a rolled back savepoint wrote is never seen, and what its transaction wrote around it is', async () => {
  await using setting = await createSetting()
  const reader = await createReader(setting.store)
  const client = await setting.connect()
  await client.query('begin')
  await insert(client, { type: 'before' })
  await client.query('savepoint undone')
  await insert(client, { type: 'undone' })
  await client.query('rollback to savepoint undone')
  await client.query('savepoint kept')
  await insert(client, { type: 'inside' })
  await client.query('release savepoint kept')
  const hints = await lookTwice(setting, reader)
  await insert(client, { type: 'after' })
  await client.query('commit')
  const found = ['before', 'inside', 'after']
  expect(typesIn(await reader.fetch({ lanes: reader.lanes(hints) }))).toEqual(found)
  expect(typesIn(await reader.fetch())).toEqual(found)
})

test('a first write inside a savepoint counts for the whole transaction', async () => {
  await using setting = await createSetting()
  const reader = await createReader(setting.store)
  const client = await setting.connect()
  await client.query('begin')
  await client.query('savepoint first')
  await insert(client, { type: 'in the savepoint' })
  const hints = await lookTwice(setting, reader)
  await client.query('release savepoint first')
  await client.query('commit')
  expect(typesIn(await reader.fetch({ lanes: reader.lanes(hints) }))).toEqual(['in the savepoint'])
})

test('each of many late transactions is found, those in pages that were cut too', async () => {
  await using setting = await createSetting()
  const reader = await createReader(setting.store)
  const writers = await Promise.all(Array.from({ length: 12 }, () => setting.connect()))
  for (const [index, writer] of writers.entries()) {
    await writer.query('begin')
    for (let round = 0; round < 5; round++)
      await insert(writer, { type: `${String(index)}.${String(round)}` })
  }
  const hints = await lookTwice(setting, reader)
  for (const writer of writers.slice(0, 8)) await writer.query('commit')
  const seen: string[] = []
  let next = { ...hints, maxRecords: 7 }
  for (let pages = 0; pages < 20; pages++) {
    const result = await reader.fetch({ lanes: reader.lanes(next).slice(0, 1) })
    seen.push(...typesIn(result))
    const [page] = result.pages
    if (page?.cut !== true) break
    const last = page.records.at(-1)?.position ?? 0
    next = { base: result.snapshot, low: Math.min(hints.low, last), pos: last, maxRecords: 7 }
  }
  expect(seen).toEqual(Array.from({ length: 40 }, (_, n) => `${String(Math.floor(n / 5))}.${String(n % 5)}`))
})

test('writers that stay open, here or in another database, hold nobody up', async () => {
  await using setting = await createSetting()
  await using other = await createTestDatabase()
  const reader = await createReader(setting.store)
  const here = await setting.connect()
  await here.query('begin')
  await insert(here, { type: 'not yet', lane: 3 })
  const elsewhere = new pg.Client({ connectionString: other.url })
  await elsewhere.connect()
  try {
    await elsewhere.query('begin')
    await elsewhere.query('create table unrelated ()')
    const hints = await lookTwice(setting, reader)
    await insert(setting.pool, { type: 'published', lane: 3 })
    const result = await reader.fetch({ lanes: reader.lanes(hints) })
    expect(typesIn(result)).toEqual(['published'])
    const records = result.pages.flatMap((page) => page.records)
    expect(await setting.store.settle(records)).toMatchObject({ removed: 1 })
  } finally {
    await elsewhere.end()
  }
})

/** What a relay knows after it has looked, written, and looked again: everything so far is below `low`. */
async function lookTwice(
  { store }: Setting,
  reader: Reader,
): Promise<{ readonly base: string; readonly low: number; readonly pos: number }> {
  const { sequence } = await reader.fetch()
  await store.settle([])
  const { snapshot } = await reader.fetch()
  return { base: snapshot, low: sequence, pos: EVERYTHING }
}

function typesIn(result: FetchResult): string[] {
  return result.pages.flatMap(({ records }) => records.map(({ type }) => type))
}
