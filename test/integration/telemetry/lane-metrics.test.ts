import { expect, test } from 'vitest'
import { pgDatabase } from '../../../adapters/pg/index.ts'
import { createOperations } from '../../../src/ports.ts'
import { eventually } from '../../support/eventually.ts'
import type { MeteredRelay } from './relay-world.ts'
import { createMeteredWorld } from './relay-world.ts'

const AN_HOUR = 3_600_000
const LANES = Array.from({ length: 16 }, (_, lane) => String(lane))

async function held({ value }: MeteredRelay): Promise<string[]> {
  const each = LANES.map(async (lane) => [lane, await value('outbox_lease_held', { outbox: 'orders', lane })])
  return (await Promise.all(each)).flatMap(([lane, is]) => (is === 1 ? [String(lane)] : []))
}

/** How many lanes have come and gone, as `acquired 16, lost 16`. */
async function transitions({ value }: MeteredRelay): Promise<string> {
  const events = ['acquired', 'released', 'lost', 'expired'].map(async (event) => {
    const count = await value('outbox_lease_transitions_total', { outbox: 'orders', event })
    return `${event} ${String(count)}`
  })
  return (await Promise.all(events)).filter((each) => !each.endsWith(' 0')).join(', ')
}

test('the lanes of a relay are told one by one, and what it has released by its stop', async () => {
  await using here = await createMeteredWorld()
  const metered = await here.start()
  await eventually(async () => (await held(metered)).length === 16)
  expect(await transitions(metered)).toBe('acquired 16')
  const other = await here.start()
  await eventually(async () => (await held(other)).length === 8)
  await eventually(async () => (await held(metered)).length === 8)
  expect([...(await held(metered)), ...(await held(other))].sort()).toEqual([...LANES].sort())
  await metered.relay.stop()
  expect(await held(metered)).toEqual([])
  expect(await transitions(metered)).toBe('acquired 16, released 16')
})

test('lanes whose lease is not renewed in time have expired', async () => {
  await using here = await createMeteredWorld()
  const metered = await here.start({ leaseMs: 3000 })
  const expired = async (): Promise<number> =>
    Number(await metered.value('outbox_lease_transitions_total', { event: 'expired' }))
  await eventually(async () => (await held(metered)).length === 16)
  const before = await expired()
  const blocker = await here.world.database.pool.connect()
  await blocker.query('begin; lock table waybill.relay in access exclusive mode')
  try {
    await eventually(async () => (await held(metered)).length === 0)
    expect((await expired()) - before).toBe(16)
  } finally {
    await blocker.query('rollback')
    blocker.release()
  }
  await eventually(async () => (await held(metered)).length === 16)
})

test('lanes that another relay could have taken are lost', async () => {
  await using here = await createMeteredWorld()
  // It looks at its lanes long before it renews anything.
  const metered = await here.start({ leaseMs: AN_HOUR, renewMs: AN_HOUR / 4 })
  await eventually(async () => (await held(metered)).length === 16)
  await here.world.database.pool.query('delete from waybill.relay')
  await eventually(async () => (await transitions(metered)) === 'acquired 32, lost 16')
  expect(await held(metered)).toHaveLength(16)
})

test('a relay that an operator has paused says so, and holds no lane', async () => {
  await using here = await createMeteredWorld()
  const { services } = createOperations({ database: pgDatabase(here.world.database.pool) })
  const by = { name: 'ada', via: 'cli' } as const
  const metered = await here.start()
  const paused = (): Promise<number | null> => metered.value('outbox_relay_paused', { outbox: 'orders' })
  await eventually(async () => (await held(metered)).length === 16)
  expect(await paused()).toBe(0)
  await services.pause('relay', 'relay-0', { by, reason: 'Its machine is replaced.' })
  await eventually(async () => (await paused()) === 1 && (await held(metered)).length === 0)
  await services.resume('relay', 'relay-0', { by })
  await eventually(async () => (await paused()) === 0 && (await held(metered)).length === 16)
  expect(await transitions(metered)).toBe('acquired 32, released 16')
})
