import { describe, expect, it, onTestFinished } from 'vitest'
import { createOutbox } from 'waybill'
import { rabbitmq } from 'waybill/rabbitmq'
import { failpoints, fakeClock, relayOnce, type Failpoints, type FakeClock } from 'waybill/testing'
import { eventually } from '../../support/eventually.ts'
import { DRIVERS, type Driver } from '../consuming/drivers.ts'
import { createWorld, messages, type Options, type World } from '../consuming/world.ts'

interface Setting {
  readonly world: World
  readonly faults: Failpoints
  /** Which has the delays of the database, and nothing else. */
  readonly clock: FakeClock
  readonly parts: Required<Pick<Options, 'database' | 'transport'>>
}

async function createSetting(driver: Driver): Promise<Setting> {
  const world = await createWorld({ driver })
  onTestFinished(() => world[Symbol.asyncDispose]())
  const clock = fakeClock()
  const faults = failpoints({ clock })
  const transport = rabbitmq({ url: world.amqpUrl, reconnect: { baseMs: 20, maxMs: 200 } })
  onTestFinished(() => transport.close())
  return { world, faults, clock, parts: { database: faults.database(world.database), transport } }
}

const HOUR_MS = 3_600_000

/** How many transactions have written an effect and not ended. */
async function openEffects({ pool }: World): Promise<number> {
  const { rowCount } = await pool.query(
    `select from pg_locks where relation = 'effect'::regclass and mode = 'RowExclusiveLock'`,
  )
  return rowCount ?? 0
}

describe.each(DRIVERS)('a database that is slow, by %s', (driver) => {
  it('keeps the transaction of a handler open before its commit, and loses nothing', async () => {
    const { world, faults, clock, parts } = await createSetting(driver)
    const { outcomes, consumer } = await world.consume(parts)
    const slow = faults.arm('slow-database', { byMs: HOUR_MS, when: ({ call }) => call === 'commit' })
    const [messageId = ''] = await world.place(1)
    await eventually(() => clock.pending === 1)
    await clock.advance(HOUR_MS - 1)
    expect([slow.fired, await openEffects(world), outcomes]).toEqual([1, 1, []])
    expect(await world.effects()).toEqual(new Map())
    await clock.advance(1)
    await eventually(() => outcomes.length === 1)
    expect([outcomes, clock.pending, await openEffects(world)]).toEqual([['handled'], 0, 0])
    expect(await world.effects()).toEqual(new Map([[messageId, 1]]))
    expect(await world.kept()).toEqual([])
    await consumer.stop()
    expect(await world.inQueue()).toBe(0)
  })

  it('lets a relay wait for what it reads, and publish it then, once', async () => {
    const { world, faults, clock, parts } = await createSetting(driver)
    const { outcomes } = await world.consume()
    const outbox = createOutbox({ source: 'orders', messages, database: parts.database })
    await parts.database.transaction((tx) =>
      outbox.write(tx, { type: 'order.placed', payload: { orderId: 'o-1' } }),
    )
    const slow = faults.arm('slow-database', { byMs: HOUR_MS, when: ({ call }) => call === 'relay.fetch' })
    let relayed = false
    const relaying = relayOnce(parts, { timeoutMs: 45_000 }).finally(() => (relayed = true))
    await eventually(() => clock.pending === 1)
    expect([slow.fired, relayed, outcomes]).toEqual([1, false, []])
    expect((await world.pool.query('select from waybill.outbox')).rowCount).toBe(1)
    await eventually(async () => {
      await clock.advance(HOUR_MS)
      return relayed
    })
    expect(await relaying).toEqual({ published: 1, parked: 0, left: 0 })
    await eventually(() => outcomes.length === 1)
    expect(outcomes).toEqual(['handled'])
    slow.assertFired()
  })
})
