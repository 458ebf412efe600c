import { expect, test } from 'vitest'
import { pgDatabase } from '../../../adapters/pg/index.ts'
import { createOperations, type DeadLetterOperations } from '../../../src/ports.ts'
import { eventually } from '../../support/eventually.ts'
import { createWorld, numbered, type RunningRelay, type World } from './world.ts'

const BY = { name: 'ada', via: 'cli' } as const
/** Only what operators ask for makes relays share their lanes out anew. */
const CALM = { rebalanceMs: 3_600_000 }

function operationsOn({ database }: World): DeadLetterOperations {
  return createOperations({ database: pgDatabase(database.pool) })
}

const lanesOf = ({ relay }: RunningRelay): number => relay.status().lanes.length

test('a paused host hands its lanes over, and gets its share when it is resumed', async () => {
  await using world = await createWorld()
  const { services } = operationsOn(world)
  const one = await world.start()
  const other = await world.start()
  await services.pause('relay', 'relay-0', { by: BY, reason: 'Its machine is replaced.' })
  await eventually(() => lanesOf(one) === 0)
  await eventually(() => lanesOf(other) === 16)
  await eventually(() => one.relay.status().degraded.includes('An operator has paused it.'))
  expect(one.relay.status().ready).toBe(true)
  await world.write(numbered(50, 10))
  await world.drained()
  expect(await services.relays()).toMatchObject([
    { host: 'relay-0', lanes: [], pause: { pausedBy: 'ada', reason: 'Its machine is replaced.' } },
    { host: 'relay-1', pause: null },
  ])
  expect(await services.resume('relay', 'relay-0', { by: BY })).toBe(true)
  await eventually(() => lanesOf(one) === 8)
  expect(world.broker.arrived).toHaveLength(50)
  await eventually(() => one.relay.status().degraded.length === 0)
  expect(await services.resume('relay', 'relay-0', { by: BY })).toBe(false)
})

test('with all relays paused nothing is published, also by those that start then, until they are resumed', async () => {
  await using world = await createWorld()
  const { services, audit } = operationsOn(world)
  const one = await world.start(CALM)
  await services.pause('relay', '*', { by: BY, reason: 'The broker is moved.' })
  await eventually(() => lanesOf(one) === 0)
  await one.relay.stop()
  const again = await world.start(CALM)
  await world.write(numbered(20, 4))
  await eventually(() => again.relay.status().degraded.length > 0)
  expect(lanesOf(again)).toBe(0)
  expect(await world.left()).toBe(20)
  expect(world.broker.arrived).toEqual([])
  await services.resume('relay', '*', { by: BY })
  await world.drained()
  expect(world.broker.arrived).toHaveLength(20)
  expect((await audit.list({ target: 'relay *' })).items.map(({ action }) => action)).toEqual([
    'relays.resume',
    'relays.pause',
  ])
})

test('a relay does the bulk operations that operators begin, publishes what was replayed, and says so in the audit', async () => {
  await using world = await createWorld()
  const { bulk, audit } = operationsOn(world)
  await world.start()
  await world.database.pool.query(`
    insert into waybill.parked (id, lane, version, created_at, message_id, key, type, source, exchange, routing_key,
      headers, content_type, payload, state, attempts, reason, error)
    select n, waybill.lane_of('k' || n, null), 1, now(), gen_random_uuid(), 'k' || n, 'test', 'tests', 'tests.events', 'test',
      '{}', 'application/json', '{}', 'dead', 1, 'rejected', 'It was too large.'
    from generate_series(1, 40) as n`)
  const { id } = await bulk.start({ by: BY, action: 'replay', selection: { filter: {} }, rate: 100 })
  const ended = await eventually(async () => {
    const now = await bulk.show(id)
    return now.state === 'finished' && now
  })
  expect(ended.progress).toEqual({ matched: 40, done: 40, skipped: 0, succeeded: 40, failedAgain: 0 })
  expect(new Set(world.broker.arrived.map(({ messageId }) => messageId)).size).toBe(40)
  expect((await world.database.pool.query('select from waybill.parked')).rowCount).toBe(0)
  const published = await audit.list({ action: 'dead-letters.published' })
  expect(new Set(published.items.map(({ target }) => target)).size).toBe(40)
  expect(published.items[0]).toMatchObject({ actor: 'relay', outcome: 'done' })
})
