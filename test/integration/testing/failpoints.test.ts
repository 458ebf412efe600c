import { describe, expect, it, onTestFinished } from 'vitest'
import { createOutbox } from 'waybill'
import { rabbitmq } from 'waybill/rabbitmq'
import { createRelay } from 'waybill/relay'
import { failpoints, relayOnce, type Failpoints } from 'waybill/testing'
import { eventually } from '../../support/eventually.ts'
import { DRIVERS, type Driver, type Tx } from '../consuming/drivers.ts'
import {
  createGate,
  createWorld,
  messages,
  recordEffect,
  type Options,
  type World,
} from '../consuming/world.ts'

interface Setting {
  readonly world: World
  readonly faults: Failpoints
  readonly parts: Required<Pick<Options, 'database' | 'transport'>>
  /** Written to the outbox, in a transaction of the service. */
  write(...orderIds: readonly string[]): Promise<void>
}

async function createSetting(driver: Driver = 'pg'): Promise<Setting> {
  const world = await createWorld({ driver })
  onTestFinished(() => world[Symbol.asyncDispose]())
  const faults = failpoints()
  const transport = faults.transport(rabbitmq({ url: world.amqpUrl, reconnect: { baseMs: 20, maxMs: 200 } }))
  onTestFinished(() => transport.close())
  const database = faults.database(world.database)
  const outbox = createOutbox({ source: 'orders', messages, database })
  return {
    ...{ world, faults, parts: { database, transport } },
    write: (...orderIds) =>
      database.transaction(async (tx) => {
        const written = orderIds.map(
          (key) => ({ type: 'order.placed', key, payload: { orderId: key } }) as const,
        )
        await outbox.write(tx, written)
      }),
  }
}

/** Notes when it begins, as what it does outside of its transaction would be done then. */
function watchedHandler(started: string[]): NonNullable<Options['handlers']> {
  return {
    'order.placed': async ({ messageId }, { tx }) => {
      started.push(messageId)
      await recordEffect(messageId, tx)
    },
  }
}

describe.each(DRIVERS)('a crash of an instance that uses %s', (driver) => {
  it.each([
    ['crash-before-commit', 2],
    ['crash-after-commit', 1],
  ] as const)('%s leaves one effect; the handler runs %i times', async (name, times) => {
    const { world, faults, parts } = await createSetting(driver)
    const started: string[] = []
    const { outcomes } = await world.consume({ ...parts, handlers: watchedHandler(started) })
    const crash = faults.arm(name)
    const [messageId = ''] = await world.place(1)
    await eventually(() => outcomes.length === 1)
    expect(outcomes).toEqual([times === 2 ? 'handled' : 'duplicate'])
    expect(started).toEqual(Array.from({ length: times }, () => messageId))
    expect(await world.effects()).toEqual(new Map([[messageId, 1]]))
    await eventually(async () => (await world.inQueue()) === 0)
    expect(await world.inDeadLetters()).toBe(0)
    crash.assertFired()
  })

  it('rolls back what else was being handled, which comes again too', async () => {
    const { world, faults, parts } = await createSetting(driver)
    const gate = createGate()
    const started: string[] = []
    const { outcomes } = await world.consume({
      ...parts,
      handlers: {
        'order.placed': async ({ messageId }, { tx }) => {
          started.push(messageId)
          await recordEffect(messageId, tx)
          if (started.length === 1) await gate.passed
        },
      },
    })
    const [first = ''] = await world.place(1)
    await eventually(() => started.length === 1)
    faults.arm('crash-before-commit')
    const [second = ''] = await world.place(1)
    await eventually(() => started.length >= 3)
    gate.open()
    await eventually(() => outcomes.length === 2)
    expect(outcomes).toEqual(['handled', 'handled'])
    expect(started.toSorted()).toEqual([first, first, second, second].toSorted())
    expect(await world.effects()).toEqual(new Map([first, second].map((id) => [id, 1])))
    faults.assertFired()
  })
})

describe('faults of the broker', () => {
  it('a lost confirm lets a relay publish again, and the consumer handles one of the two', async () => {
    const { world, faults, parts, write } = await createSetting()
    const { outcomes, consumer } = await world.consume()
    const lost = faults.arm('lost-confirm', { when: ({ key }) => key === 'o-1' })
    await write('o-1')
    await relayOnce(parts)
    await eventually(() => outcomes.length === 2)
    expect([outcomes.toSorted(), lost.fired]).toEqual([['duplicate', 'handled'], 1])
    expect((await world.effects()).size).toBe(1)
    await consumer.stop()
    expect(await world.inQueue()).toBe(0)
  })

  it('a duplicate delivery is known, also while the first one runs', async () => {
    const { world, faults, parts } = await createSetting()
    const started: string[] = []
    const { outcomes } = await world.consume({ ...parts, handlers: watchedHandler(started) })
    const twice = faults.arm('duplicate-delivery', { times: 3 })
    const ids = await world.place(4)
    await eventually(() => outcomes.length === 7)
    expect(started.toSorted()).toEqual(ids.toSorted())
    expect(await world.effects()).toEqual(new Map(ids.map((id) => [id, 1])))
    twice.assertFired()
    await eventually(async () => (await world.inQueue()) === 0)
  })

  it('a blocked broker keeps relays waiting, one that is away consumers too; both go on', async () => {
    const { world, faults, parts, write } = await createSetting()
    const { outcomes, consumer } = await world.consume(parts)
    const relay = createRelay(parts)
    onTestFinished(() => relay.stop())
    await relay.start()
    const blocked = faults.arm('blocked-broker')
    await write('o-1')
    await eventually(() => relay.status().publisher === 'blocked')
    expect(outcomes).toEqual([])
    blocked.disarm()
    await eventually(() => outcomes.length === 1)
    const away = faults.arm('broker-unavailable')
    expect([relay.status().publisher, consumer.status().state]).toEqual(['connecting', 'connecting'])
    await world.place(1)
    await write('o-2')
    away.disarm()
    await eventually(() => outcomes.length === 3)
    expect(new Set(outcomes)).toEqual(new Set(['handled']))
    faults.assertFired()
  })
})

it('a database that is away makes consumers hold; no attempt is spent', async () => {
  const { world, faults, parts } = await createSetting()
  const { outcomes, consumer } = await world.consume(parts)
  const away = faults.arm('database-unavailable')
  const [messageId = ''] = await world.place(1)
  await eventually(() => consumer.status().state === 'holding')
  faults.disarm()
  await eventually(() => outcomes.length === 1)
  expect(await world.effects()).toEqual(new Map([[messageId, 1]]))
  expect(await world.kept()).toEqual([])
  away.assertFired()
})

it('a transaction of the service keeps its type, and stands when only its answer is lost', async () => {
  const { world, faults, parts, write } = await createSetting()
  const typed: { transaction(work: (tx: Tx) => Promise<void>): Promise<void> } = parts.database
  faults.arm('lost-commit-answer')
  await expect(write('o-1')).rejects.toMatchObject({ code: 'WAYBILL_DATABASE_UNAVAILABLE' })
  faults.arm('crash-before-commit')
  const work = typed.transaction((tx) => recordEffect('none', tx))
  await expect(work).rejects.toMatchObject({ code: 'WAYBILL_DATABASE_UNAVAILABLE' })
  expect((await world.effects()).size).toBe(0)
  const { rows } = await world.pool.query('select key from waybill.outbox')
  expect(rows).toEqual([{ key: 'o-1' }])
})
