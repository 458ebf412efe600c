import { randomUUID } from 'node:crypto'
import type pg from 'pg'
import { expect, it } from 'vitest'
import { fallen } from './agree.ts'
import { judge } from './judge.ts'
import { openScene } from './scene.ts'
import { useServers } from './scenario.ts'
import { secondJudge } from './second-judge.ts'
import { atRest, settle } from './settle.ts'
import { createStage, underLoad } from './stage.ts'

const servers = useServers()

it('both judges find out what is done to a run that was in order', async () => {
  await using stage = await createStage(servers())
  const scene = await openScene(stage, { relays: 1 })
  // Several messages of each key.
  await underLoad(stage, 400)
  await settle(scene, await atRest(scene))
  const { pool, history } = stage
  const ofJudge = async (): Promise<string[]> => {
    const { violations } = await judge(pool, history, [{ name: 'ledger', ordered: true }])
    return [...new Set(violations.map(({ property }) => property))].sort()
  }
  expect(await ofJudge()).toEqual([])

  await pool.query(
    'insert into effect (consumer, message_id) select consumer, message_id from effect limit 1',
  )
  expect(await ofJudge()).toEqual(['effect-reordered', 'effect-repeated'])
  await pool.query('delete from effect where place = (select max(place) from effect)')
  await pool.query(`insert into effect (consumer, message_id) values ('ledger', gen_random_uuid())`)
  expect(await ofJudge()).toEqual(['effect-after-rollback'])
  await pool.query('delete from effect where place = (select max(place) from effect)')

  history.arrivals.push(...history.arrivals.slice(0, 1))
  expect(await ofJudge()).toEqual(['duplicated'])
  history.arrivals.pop()
  const [first] = history.arrivals.splice(0, 1)
  expect(await ofJudge()).toEqual(['lost'])
  history.arrivals.push(first!)
  expect(await ofJudge()).toEqual(['reordered'])
  history.arrivals.pop()
  history.arrivals.unshift(first!)

  expect(await secondJudge(pool, ['ledger'])).toEqual([])
  const { rows } = await pool.query<{ id: string }>(
    'delete from waybill.inbox where message_id = (select message_id from effect limit 1) returning message_id as id',
  )
  expect(await secondJudge(pool, ['ledger'])).toEqual([`${rows[0]!.id} is missing at ledger`])
  await pool.query('delete from effect where message_id = $1', [rows[0]!.id])
  expect(await ofJudge()).toEqual(['without-effect'])

  // To wait is to be kept only behind something.
  await fail(pool, { messageId: rows[0]!.id, state: 'waiting', place: 2 })
  expect(await ofJudge()).toEqual(['without-effect'])
  await fail(pool, { messageId: randomUUID(), state: 'dead', place: 1 })
  expect(await ofJudge()).toEqual([])

  const relay = scene.first('relay')
  process.kill(relay.child.pid, 'SIGKILL')
  await relay.child.exited
  expect(fallen(stage.processes, { mayCrash: true })).toEqual([
    expect.stringContaining(`${relay.name} has ended by itself`),
  ])
})

interface Kept {
  readonly messageId: string
  readonly state: 'waiting' | 'dead'
  readonly place: number
}

async function fail(pool: pg.Pool, { messageId, state, place }: Kept): Promise<void> {
  await pool.query(
    `insert into waybill.failure (consumer, message_id, original_id, state, blocking, place, version, key, type, exchange,
       routing_key, content_type, payload, reason)
     values ('ledger', $1::uuid, $1::text, $2, true, $3, 1, 'key-1', 't', 'e', 'r', '', '', 'exhausted')`,
    [messageId, state, place],
  )
}
