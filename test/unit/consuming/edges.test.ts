import { describe, expect, it } from 'vitest'
import { memoryDatabase } from '../../../adapters/memory/index.ts'
import type { Delivery, SubscribeOptions, Subscription, Transport } from '../../../src/ports.ts'
import { fingerprintOf } from '../../../src/inbox/fingerprint.ts'
import { createFakeClock } from '../../support/fake-clock.ts'
import { createGate, orderPlaced, recordEffect, setup, turns } from './setup.ts'

/** A transport whose deliveries the test makes, and that knows nothing of signals. */
function handTransport() {
  const answers: string[] = []
  const calls: string[] = []
  const self = { options: null as SubscribeOptions | null, opened: Promise.resolve() }
  const subscription: Subscription = {
    state: 'consuming',
    stop: () => Promise.resolve(void calls.push('stop')),
    close: () => Promise.resolve(void calls.push('close')),
  }
  const transport: Transport = {
    openPublisher: () => {
      throw new Error('Nobody publishes here.')
    },
    async subscribe(options) {
      if (options.topology.deadLetters !== true) self.options = options
      await self.opened
      return subscription
    },
    close: () => Promise.resolve(),
  }
  const delivery = (): Delivery => ({
    ...{ envelope: orderPlaced(), malformed: null, exchange: 'orders.events', routingKey: 'order.placed' },
    ...{ redelivered: false, deliveryCount: 0 },
    ack: () => void answers.push('ack'),
    deadLetter: () => void answers.push('dead'),
    release: () => void answers.push('release'),
  })
  return { transport, answers, calls, self, deliver: () => self.options?.onDelivery(delivery()) }
}

describe('while the database is down', () => {
  it('no transaction is tried for what arrives meanwhile', async () => {
    const clock = createFakeClock()
    const plain = memoryDatabase({ clock })
    let transactions = 0
    const database: typeof plain = {
      ...plain,
      handle: (given, work) => {
        transactions += 1
        return plain.handle(given, work)
      },
    }
    const { consumer, place, outcomes } = setup({ clock, database })
    await consumer.start()
    plain.faults.goDown()
    place()
    await turns()
    await clock.advance(1_000)
    expect(transactions).toBe(1)
    for (let count = 0; count < 20; count += 1) place()
    await turns()
    await clock.advance(60_000)
    expect(transactions).toBe(1)
    plain.faults.comeBack()
    await clock.advance(60_000)
    await turns()
    expect(outcomes).toHaveLength(21)
    await consumer.stop()
  })

  it('a stop ends the probing', async () => {
    const clock = createFakeClock()
    const plain = memoryDatabase({ clock })
    let pings = 0
    const database: typeof plain = {
      ...plain,
      ping: () => {
        pings += 1
        return plain.ping()
      },
    }
    const { consumer, place } = setup({ clock, database })
    await consumer.start()
    plain.faults.goDown()
    place()
    await turns()
    await clock.advance(1_000)
    await consumer.stop()
    const before = pings
    await clock.advance(600_000)
    expect([pings, clock.pending]).toEqual([before, 0])
  })
})

describe('limits of time', () => {
  it('a handler may take longer than a transaction may take to begin', async () => {
    const clock = createFakeClock()
    const { consumer, place, outcomes } = setup({
      clock,
      handlers: {
        'order.placed': async ({ messageId }, { tx }) => {
          await clock.sleep(59_000)
          await recordEffect(messageId, tx)
        },
      },
    })
    await consumer.start()
    place()
    await turns()
    await clock.advance(59_000)
    expect(outcomes).toEqual(['handled'])
    await consumer.stop()
  })

  it('a commit without an answer is no fault of the handler: the message is held and found handled', async () => {
    const clock = createFakeClock()
    const plain = memoryDatabase({ clock })
    let silent = 1
    const database: typeof plain = {
      ...plain,
      async handle(given, work) {
        const result = await plain.handle(given, work)
        silent -= 1
        if (silent === 0) await new Promise(() => undefined)
        return result
      },
    }
    const { consumer, place, outcomes } = setup({ clock, database, handlerTimeoutMs: 1_000 })
    await consumer.start()
    place()
    await turns()
    await clock.advance(20_000)
    expect(outcomes).toEqual([])
    await clock.advance(20_000)
    expect(outcomes).toEqual(['duplicate'])
    expect(plain.rows('effects')).toHaveLength(1)
    await consumer.stop()
  })
})

describe('a transport that does not do as it is asked', () => {
  it('and delivers after the stop gets its delivery back', async () => {
    const { transport, answers, deliver } = handTransport()
    const gate = createGate()
    const { consumer, outcomes } = setup({ transport, handlers: { 'order.placed': () => gate.passed } })
    await consumer.start()
    deliver()
    await turns()
    const stopped = consumer.stop()
    await turns()
    deliver()
    gate.open()
    await stopped
    expect(answers).toEqual(['release', 'ack'])
    expect(outcomes).toEqual(['released', 'handled'])
  })

  it('and subscribes after the stop has its subscription closed', async () => {
    const { transport, calls, self } = handTransport()
    const gate = createGate()
    self.opened = gate.passed
    const { consumer } = setup({ transport })
    const start = consumer.start().catch((error: unknown) => error)
    await turns()
    await consumer.stop()
    await start
    expect(calls).toEqual([])
    gate.open()
    await turns()
    expect(calls).toEqual(['close'])
  })
})

describe('the fingerprint of a message', () => {
  it('fits a signed 32-bit integer, and uses all of it', () => {
    const prints = Array.from({ length: 200 }, (_, n) => fingerprintOf({ source: 'a', type: String(n) }))
    expect(prints.every((print) => print >= -(2 ** 31) && print < 2 ** 31)).toBe(true)
    expect(prints.some((print) => print < 0)).toBe(true)
    expect(new Set(prints).size).toBe(200)
  })

  it('does not take parts of one for parts of the other', () => {
    expect(fingerprintOf({ source: 'a', type: 'b.c' })).not.toBe(fingerprintOf({ source: 'a.b', type: 'c' }))
    expect(fingerprintOf({ source: null, type: 'a' })).not.toBe(fingerprintOf({ source: 'null', type: 'a' }))
  })
})

describe('telemetry that throws', () => {
  it('breaks nothing: messages are answered, their places become free, and the error is logged', async () => {
    const broken = (): never => {
      throw new Error('The metrics are gone.')
    }
    const { consumer, place, effects, broker, log, kept } = setup({
      concurrency: 1,
      telemetry: { handled: broken, kept: broken, hold: broken, written: broken },
      handlers: {
        'order.placed': async ({ messageId, key }, { tx, outbox }) => {
          if (key === 'bad') throw new Error('No.')
          await recordEffect(messageId, tx)
          await outbox.write({ type: 'order.paid', payload: { orderId: 'o' } })
        },
      },
    })
    await consumer.start()
    const ids = [place(), place(), place()]
    place({ key: 'bad' })
    await turns(40)
    expect(effects().sort()).toEqual([...ids].sort())
    expect(broker.unanswered('billing')).toBe(0)
    expect(kept()).toEqual(['retry failed'])
    expect(consumer.status()).toMatchObject({ state: 'consuming', running: 0, waiting: 0, retrying: 0 })
    expect(log.find(({ text }) => text.startsWith('Telemetry threw'))).toMatchObject({ level: 'warn' })
    await consumer.stop()
  })
})
