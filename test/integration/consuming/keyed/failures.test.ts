import { expect, test } from 'vitest'
import { eventually } from '../../../support/eventually.ts'
import { createKeyedWorld, type KeyedWorld } from './world.ts'

const times = (key: string, count: number): string[] => Array<string>(count).fill(key)

async function statesOf(world: KeyedWorld): Promise<Record<string, number>> {
  const { rows } = await world.pool.query<{ state: string; count: number }>(
    'select state, count(*)::int as count from waybill.failure group by state',
  )
  return Object.fromEntries(rows.map(({ state, count }) => [state, count]))
}

async function progress(world: KeyedWorld): Promise<Record<string, number>> {
  const { rows } = await world.pool.query<{ key: string; last: number }>('select * from progress')
  return Object.fromEntries(rows.map(({ key, last }) => [key, last]))
}

test('C11, 23: behind a dead head its key waits in the database, other keys flow, and a replay lets all go on in order', async () => {
  await using world = await createKeyedWorld()
  let broken = true
  world.beforeEffect = (key, n) => {
    if (broken && key === 'a' && n === 1) throw new Error('Out of stock.')
  }
  await world.start({ retry: { attempts: 2, baseMs: 100, maxMs: 1_000 } })
  await world.send([...times('a', 101), ...times('b', 50)])
  await eventually(async () => (await progress(world))['b'] === 50)
  await eventually(async () => (await statesOf(world))['dead'] === 1)
  await eventually(async () => (await statesOf(world))['waiting'] === 100)
  expect(await progress(world)).toEqual({ a: 0, b: 50 })
  broken = false
  // As a replay does.
  await world.pool.query(
    `update waybill.failure set state = 'retry', replays = replays + 1, next_attempt_at = now() where state = 'dead'`,
  )
  await world.settled()
  expect(world.violations).toEqual([])
  expect(await statesOf(world)).toEqual({ resolved: 101 })
  await world.send(['a'])
  await world.settled()
  expect(await statesOf(world)).toEqual({ resolved: 101 })
})

test('23: discarding a dead head lets those behind it go on in order', async () => {
  await using world = await createKeyedWorld()
  const seen: number[] = []
  world.beforeEffect = (_key, n) => {
    if (n === 1) throw new Error('Never.')
    seen.push(n)
  }
  await world.start({ retry: { attempts: 1 } })
  await world.send(times('a', 20))
  await eventually(async () => (await statesOf(world))['waiting'] === 19)
  // As discarding does: the row first, then its key.
  await world.pool.query(`
    with discarded as (
      update waybill.failure set state = 'discarded', blocking = false, ended_at = now() where state = 'dead'
    ) update progress set last = 1`)
  await world.pool.query(`select waybill.release_key('stock-list', 'a')`)
  await world.settled()
  expect(seen).toEqual(Array.from({ length: 19 }, (_, index) => index + 2))
  expect(world.violations).toEqual([])
})

test('of one key no more wait in the database than may; the rest stays at the broker, and all go on in order', async () => {
  await using world = await createKeyedWorld()
  const full: string[] = []
  let broken = true
  world.beforeEffect = (key) => {
    if (broken && key === 'a') throw new Error('Out of stock.')
  }
  await world.start({
    retry: { baseMs: 300, maxMs: 300, attempts: 1_000 },
    failures: { waitingPerKey: 5 },
    telemetry: { keyFull: (_consumer, type) => void full.push(type) },
  })
  await world.send(times('a', 30))
  await eventually(() => full.length > 0)
  await world.send(times('c', 10))
  // Another partition's.
  await eventually(async () => (await progress(world))['c'] === 10)
  expect(await statesOf(world)).toEqual({ retry: 1, waiting: 4 })
  broken = false
  await world.settled()
  expect(world.violations).toEqual([])
  expect(await progress(world)).toEqual({ a: 30, c: 10 })
  expect((await statesOf(world))['waiting']).toBeUndefined()
})
