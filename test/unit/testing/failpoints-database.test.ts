import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { createOutbox, defineMessages, messageType, type HandlerContext } from 'waybill'
import { pgDatabase } from 'waybill/pg'
import type { Publisher, PublisherListener, SubscribeOptions, Subscription, Transport } from 'waybill/ports'
import {
  failpoints,
  fakeClock,
  memoryDatabase,
  memoryTransport,
  testConsumer,
  type Failpoints,
  type MemoryDatabase,
  type MemoryTransaction,
  type TestConsumer,
  type TestDelivery,
} from 'waybill/testing'

const messages = defineMessages({ 'order.placed': messageType<{ orderId: string }>() }, { source: 'shop' })

interface Setting {
  readonly faults: Failpoints
  /** Wrapped. */
  readonly database: MemoryDatabase
  /** What the handler did outside of its transaction, by order. */
  readonly mails: string[]
  readonly consumer: TestConsumer<typeof messages, MemoryTransaction>
  deliver(orderId: string): Promise<TestDelivery<typeof messages>>
}

/** A handler that writes a row and sends a mail, which no transaction takes back. */
function createSetting(): Setting {
  const faults = failpoints()
  const database = faults.database(memoryDatabase())
  const mails: string[] = []
  const consumer = testConsumer({
    messages,
    database,
    handlers: {
      'order.placed': async (
        { payload },
        { tx }: HandlerContext<typeof messages, MemoryTransaction>,
      ): Promise<void> => {
        await tx.put('orders', payload.orderId, payload)
        mails.push(payload.orderId)
      },
    },
  })
  return {
    ...{ faults, database, mails, consumer },
    deliver: (orderId) => consumer.deliver({ type: 'order.placed', payload: { orderId } }),
  }
}

describe('a crash', () => {
  it('before the commit lets a handler run again: what it did outside of its transaction happens twice', async () => {
    const { faults, database, mails, consumer, deliver } = createSetting()
    const crash = faults.arm('crash-before-commit')
    const delivery = await deliver('o-1')
    await consumer.stop()
    expect(delivery.outcome).toBe('handled')
    expect(mails).toEqual(['o-1', 'o-1'])
    expect(database.rows('orders')).toEqual([{ orderId: 'o-1' }])
    expect([crash.fired, crash.armed]).toEqual([1, false])
    faults.assertFired()
  })

  it('after the commit brings the message again, which is known then', async () => {
    const { faults, database, mails, consumer, deliver } = createSetting()
    faults.arm('crash-after-commit')
    const delivery = await deliver('o-1')
    await consumer.stop()
    expect(delivery.outcome).toBe('duplicate')
    expect(mails).toEqual(['o-1'])
    expect(database.rows('orders')).toHaveLength(1)
    faults.assertFired()
  })

  it('rolls back every other transaction that is open', async () => {
    const faults = failpoints()
    const database = faults.database(memoryDatabase())
    const outbox = createOutbox({ source: 'shop', messages, database })
    let go = (): void => undefined
    const gate = new Promise<void>((resolve) => {
      go = resolve
    })
    const place = (orderId: string, wait: Promise<void>): Promise<void> =>
      database.transaction(async (tx) => {
        await outbox.write(tx, { type: 'order.placed', payload: { orderId } })
        await wait
      })
    const other = place('o-1', gate)
    faults.arm('crash-before-commit')
    await expect(place('o-2', Promise.resolve())).rejects.toMatchObject({
      code: 'WAYBILL_DATABASE_UNAVAILABLE',
      details: { failpoint: 'crash-before-commit' },
    })
    go()
    await expect(other).rejects.toMatchObject({ code: 'WAYBILL_DATABASE_UNAVAILABLE' })
    expect(database.records()).toEqual([])
    await place('o-3', Promise.resolve())
    expect(database.records()).toHaveLength(1)
  })

  it('happens where the test says, as often as it says', async () => {
    const { faults, mails, consumer, deliver } = createSetting()
    const delivered = await deliver('o-1')
    const crash = faults.arm('crash-before-commit', {
      times: 2,
      when: ({ call, messageIds }) => call === 'handle' && !messageIds.includes(delivered.messageId),
    })
    await consumer.deliver({
      type: 'order.placed',
      payload: { orderId: 'o-1' },
      messageId: delivered.messageId,
    })
    expect(crash.fired).toBe(0)
    await deliver('o-2')
    await consumer.stop()
    expect(mails).toEqual(['o-1', 'o-2', 'o-2', 'o-2'])
    crash.assertFired()
  })

  it('can be armed for a part of a test', async () => {
    const { faults, mails, consumer, deliver } = createSetting()
    {
      using crash = faults.arm('crash-before-commit', { times: 5, when: () => false })
      expect(crash.armed).toBe(true)
    }
    faults.arm('crash-after-commit').disarm()
    await deliver('o-1')
    await consumer.stop()
    expect(mails).toEqual(['o-1'])
  })
})

describe('a lost answer of a commit', () => {
  it('leaves the change, and nobody is told that it was made', async () => {
    const faults = failpoints()
    const database = faults.database(memoryDatabase())
    const told: string[] = []
    const put = (key: string): Promise<void> =>
      database.transaction(async (tx) => {
        database.afterCommit(tx, () => told.push(key))
        await tx.put('orders', key, { key })
      })
    const lost = faults.arm('lost-commit-answer')
    await expect(put('a')).rejects.toMatchObject({ code: 'WAYBILL_DATABASE_UNAVAILABLE' })
    await put('b')
    expect(database.rows('orders')).toEqual([{ key: 'a' }, { key: 'b' }])
    expect(told).toEqual(['b'])
    expect(lost.fired).toBe(1)
  })

  it('does not count for a transaction that was rolled back by itself', async () => {
    const faults = failpoints()
    const database = faults.database(memoryDatabase())
    const lost = faults.arm('lost-commit-answer')
    database.faults.failCommits(1)
    await expect(database.transaction((tx) => tx.put('orders', 'a', {}))).rejects.toThrow('failed on purpose')
    expect(database.rows('orders')).toEqual([])
    expect([lost.fired, lost.armed]).toEqual([0, true])
    expect(() => {
      lost.assertFired()
    }).toThrow('Failpoint "lost-commit-answer" was armed and has not happened.')
  })
})

describe('a database', () => {
  it('that is slow answers later, each call that was chosen', async () => {
    const clock = fakeClock()
    const faults = failpoints({ clock })
    const database = faults.database(memoryDatabase({ clock }))
    const slow = faults.arm('slow-database', { byMs: 300, when: ({ call }) => call === 'commit' })
    const done: string[] = []
    await database.ping()
    const put = database.transaction((tx) => tx.put('orders', 'a', {})).then(() => done.push('put'))
    await clock.advance(299)
    expect(done).toEqual([])
    await clock.advance(1)
    await put
    expect([done, slow.fired]).toEqual([['put'], 1])
  })

  it('that is unavailable refuses every call, and what is open learns of it at its commit', async () => {
    const faults = failpoints()
    const database = faults.database(memoryDatabase())
    const gone = { code: 'WAYBILL_DATABASE_UNAVAILABLE' }
    const open = database.transaction(async (tx) => {
      await tx.put('orders', 'a', {})
      faults.arm('database-unavailable')
    })
    await expect(open).rejects.toMatchObject(gone)
    await expect(database.ping()).rejects.toMatchObject(gone)
    await expect(database.transaction(() => Promise.resolve())).rejects.toMatchObject(gone)
    await expect(database.relay.backlog()).rejects.toMatchObject(gone)
    const error: unknown = await database.relay.meta().catch((reason: unknown) => reason)
    expect(database.classify(error)).toBe('infrastructure')
    expect(database.classify(new Error('Another one.'))).toBe('permanent')
    faults.disarm()
    await database.ping()
    expect(database.rows('orders')).toEqual([])
  })

  it('that is unavailable is so in each store that it has', async () => {
    const faults = failpoints()
    const whole = pgDatabase(new pg.Pool())
    const database = faults.database(whole)
    faults.arm('database-unavailable')
    const { relay, conservation, deadLetters, partitions } = database
    const stores = { relay, conservation, deadLetters, partitions }
    for (const [name, store] of Object.entries(stores)) {
      const [method, first] =
        Object.entries(store ?? {}).find(([, value]) => typeof value === 'function') ?? []
      const called = Promise.resolve((first as () => unknown)())
      await expect(called, `${name}.${method}`).rejects.toMatchObject({
        code: 'WAYBILL_DATABASE_UNAVAILABLE',
      })
    }
  })

  it('that is unavailable for a while makes a consumer hold, and spends no attempt', async () => {
    const { faults, database, mails, consumer, deliver } = createSetting()
    const away = faults.arm('database-unavailable', {
      times: 4,
      when: ({ call }) => call !== 'failures.beat',
    })
    const delivery = await deliver('o-1')
    await consumer.stop()
    expect(delivery.outcome).toBe('handled')
    expect(mails).toEqual(['o-1'])
    expect(database.keptFailures()).toEqual([])
    away.assertFired()
  })
})

describe('failpoints', () => {
  it('refuse what is no failpoint, and options that would have no effect', () => {
    const { arm } = failpoints() as { arm(name: string, options?: unknown): unknown }
    const wrong: readonly [string, unknown, string][] = [
      ['crash', {}, 'There is no failpoint "crash". There are crash-before-commit,'],
      ['lost-confirm', { time: 1 }, 'Failpoint "lost-confirm" has no option "time".'],
      ['lost-confirm', { times: 0 }, 'Option times of failpoint "lost-confirm" is 0.'],
      ['lost-confirm', { when: 'now' }, 'Option when of failpoint "lost-confirm" is no function.'],
      ['slow-database', {}, 'Option byMs of failpoint "slow-database" is undefined.'],
      ['blocked-broker', { times: 1 }, 'Failpoint "blocked-broker" has no option "times".'],
    ]
    for (const [name, options, text] of wrong) expect(() => arm(name, options), name).toThrow(text)
  })

  it('that were armed and did not happen are told, and why that may be', () => {
    const faults = failpoints()
    faults.arm('crash-after-commit')
    expect(() => {
      faults.assertFired()
    }).toThrow('No database was wrapped: pass on what faults.database(…) returns.')
  })

  it('keep what an adapter has beyond its port, also where it is frozen or an instance of a class', async () => {
    class Counting implements Transport {
      readonly #inner = memoryTransport()
      #closed = 0
      get closed(): number {
        return this.#closed
      }
      openPublisher(listener: PublisherListener): Publisher {
        return this.#inner.openPublisher(listener)
      }
      subscribe(options: SubscribeOptions): Promise<Subscription> {
        return this.#inner.subscribe(options)
      }
      close(): Promise<void> {
        this.#closed += 1
        return this.#inner.close()
      }
    }
    const faults = failpoints()
    const transport = faults.transport(new Counting())
    transport.openPublisher({ onOutcome: () => undefined, onState: () => undefined })
    await transport.close()
    expect([transport.closed, 'closed' in transport]).toEqual([1, true])
    const database = faults.database(Object.freeze(memoryDatabase()))
    await database.ping()
    expect([database.rows('orders'), { ...database }.records()]).toEqual([[], []])
  })
})
