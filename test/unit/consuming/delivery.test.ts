import { describe, expect, it } from 'vitest'
import { messageType, defineMessages } from '../../../src/index.ts'
import { eventually } from '../../support/eventually.ts'
import { createGate, recordEffect, setup, turns } from './setup.ts'

describe('one delivery', () => {
  it('is handled, its effect and its id committed, and acknowledged', async () => {
    const { consumer, place, effects, broker, outcomes, database } = setup()
    await consumer.start()
    const id = place()
    await eventually(() => outcomes.length === 1)
    expect(outcomes).toEqual(['handled'])
    expect(effects()).toEqual([id])
    expect(database.inboxEntries()).toMatchObject([{ consumer: 'billing', messageId: id }])
    expect(broker.unanswered('billing') + broker.messages('billing').length).toBe(0)
    await consumer.stop()
  })

  it('that comes again is acknowledged without running the handler', async () => {
    const { consumer, place, effects, outcomes } = setup()
    await consumer.start()
    const messageId = place()
    await eventually(() => outcomes.length === 1)
    place({ messageId })
    await eventually(() => outcomes.length === 2)
    expect(outcomes).toEqual(['handled', 'duplicate'])
    expect(effects()).toEqual([messageId])
    await consumer.stop()
  })

  it('that arrives twice at once has its effect once: the second waits for the first', async () => {
    const gate = createGate()
    const started: string[] = []
    const { consumer, place, effects, outcomes, broker } = setup({
      handlers: {
        'order.placed': async ({ messageId }, { tx }) => {
          started.push(messageId)
          await gate.passed
          await recordEffect(messageId, tx)
        },
      },
    })
    await consumer.start()
    broker.faults.duplicate(1)
    const id = place()
    await eventually(() => broker.unanswered('billing') === 2)
    await turns()
    expect(started).toEqual([id])
    gate.open()
    await eventually(() => outcomes.length === 2)
    expect([...outcomes].sort()).toEqual(['duplicate', 'handled'])
    expect(effects()).toEqual([id])
    await consumer.stop()
  })

  it('of an id that was handled for another type becomes a dead letter under an id of its own', async () => {
    const { consumer, place, outcomes, database, log } = setup({
      handlers: {
        'order.placed': ({ messageId }, { tx }) => recordEffect(messageId, tx),
        'order.paid': ({ messageId }, { tx }) => recordEffect(messageId, tx),
      },
    })
    await consumer.start()
    const messageId = place()
    await eventually(() => outcomes.length === 1)
    place({ messageId, type: 'order.paid' })
    await eventually(() => outcomes.length === 2)
    expect(outcomes).toEqual(['handled', 'conflict'])
    expect(database.keptFailures()).toMatchObject([
      { state: 'dead', reason: 'conflict', message: { originalId: messageId, type: 'order.paid' } },
    ])
    expect(log.at(-1)).toMatchObject({ level: 'error', fields: { messageId, reason: 'conflict' } })
    await consumer.stop()
  })

  it('of an id that was handled for another source goes to the dead-letter queue', async () => {
    const { consumer, place, outcomes } = setup()
    await consumer.start()
    const messageId = place()
    place({ messageId, source: 'impostor' })
    await eventually(() => outcomes.length === 2)
    expect(outcomes).toEqual(['handled', 'conflict'])
    await consumer.stop()
  })

  it('from a stranger is told from that of another stranger with the same id', async () => {
    const { consumer, place, effects, outcomes } = setup()
    await consumer.start()
    place({ messageId: '1', source: 'a' })
    place({ messageId: '1', source: 'b' })
    await eventually(() => outcomes.length === 2)
    expect(outcomes).toEqual(['handled', 'handled'])
    expect(effects()).toEqual(['1', '1'])
    await consumer.stop()
  })

  it('whose handler fails is rolled back and kept, while others flow', async () => {
    const { consumer, place, effects, outcomes, kept, log, database } = setup({
      concurrency: 1,
      handlers: {
        'order.placed': async ({ messageId, key }, { tx, outbox }) => {
          await recordEffect(messageId, tx)
          await outbox.write({ type: 'order.paid', payload: { orderId: 'o-1' } })
          if (key === 'bad') throw new Error('No such customer.')
        },
      },
    })
    await consumer.start()
    const bad = place({ key: 'bad' })
    const good = place()
    await eventually(() => outcomes.length === 2)
    expect(outcomes).toEqual(['failed', 'handled'])
    expect(effects()).toEqual([good])
    expect(database.records()).toHaveLength(1)
    expect(database.inboxEntries().map((entry) => entry.messageId)).toEqual([bad, good])
    expect(kept()).toEqual(['retry failed'])
    expect(log.find((line) => line.level === 'warn')?.fields).toMatchObject({
      ...{ messageId: bad, attempts: 1, reason: 'failed', error: new Error('No such customer.') },
    })
    await consumer.stop()
  })

  it('whose handler throws before it awaits anything fails like any other', async () => {
    const { consumer, place, outcomes } = setup({
      handlers: {
        'order.placed': () => {
          throw new Error('At once.')
        },
      },
    })
    await consumer.start()
    place()
    await eventually(() => outcomes.length === 1)
    expect(outcomes).toEqual(['failed'])
    await consumer.stop()
  })
})

describe('a delivery that cannot be handled', () => {
  it('because it is malformed becomes a dead letter at once, with the reason in the log', async () => {
    const { consumer, broker, outcomes, log, kept } = setup()
    await consumer.start()
    broker.putMalformed('billing', 'It has no message id.')
    await eventually(() => outcomes.length === 1)
    await turns()
    expect(outcomes).toEqual(['malformed'])
    expect(kept()).toEqual(['dead malformed'])
    expect(log).toMatchObject([{ level: 'error', fields: { text: 'It has no message id.' } }])
    await consumer.stop()
  })

  it.each([
    ['is no JSON', { body: Buffer.from('{') }],
    ['has a version of the future', { version: 2 }],
    ['has no id', { messageId: '' }],
    ['says that it is HTML', { contentType: 'text/html' }],
    ['says that it is compressed', { contentEncoding: 'gzip' }],
  ])('because it %s becomes a dead letter without running anything', async (_what, more) => {
    const { consumer, place, outcomes, kept, effects, log } = setup()
    await consumer.start()
    place(more)
    await eventually(() => outcomes.length === 1)
    expect(outcomes).toEqual(['malformed'])
    expect(effects()).toEqual([])
    expect(kept()).toEqual(['dead malformed'])
    expect(log.at(-1)?.fields['text']).toEqual(expect.stringMatching(/./))
    await consumer.stop()
  })

  it('because its payload breaks the schema becomes a dead letter', async () => {
    const schema = {
      '~standard': {
        version: 1 as const,
        vendor: 'test',
        validate: () => ({ issues: [{ message: 'Not so.' }] }),
      },
    }
    const strict = defineMessages({ 'order.placed': messageType({ schema }) }, { source: 'orders' })
    const { consumer, place, outcomes, kept } = setup({ messages: strict as never })
    await consumer.start()
    place()
    await eventually(() => outcomes.length === 1)
    expect([outcomes, kept()]).toEqual([['malformed'], ['dead malformed']])
    await consumer.stop()
  })

  it.each([
    ['dead', 'malformed', ['dead unknown_type']],
    ['retry', 'malformed', ['retry unknown_type']],
    ['ignore', 'ignored', []],
  ] as const)(
    'because nobody handles its type is answered as onUnknownType says: %s',
    async (onUnknownType, outcome, expected) => {
      const { consumer, broker, place, outcomes, kept } = setup({ onUnknownType })
      broker.declare({ queue: 'billing', bindings: [{ exchange: 'orders.events', routingKey: '#' }] })
      await consumer.start()
      place({ type: 'order.lost' })
      await eventually(() => outcomes.length === 1)
      expect(outcomes).toEqual([outcome])
      expect(kept()).toEqual(expected)
      expect(broker.messages('billing')).toHaveLength(0)
      await consumer.stop()
    },
  )
})

describe('what a handler is given', () => {
  it('is the decoded message and an outbox in its transaction, with the message as the cause', async () => {
    const seen: unknown[] = []
    const { consumer, place, outcomes, database } = setup({
      handlers: {
        'order.placed': async (message, { outbox }) => {
          seen.push(message)
          await outbox.write({ type: 'order.paid', payload: { orderId: message.payload.orderId } })
        },
      },
    })
    await consumer.start()
    const id = place({ correlationId: 'talk-1', headers: { tenant: 't' }, createdAt: 1_000 })
    await eventually(() => outcomes.length === 1)
    expect(seen).toMatchObject([
      { messageId: id, payload: { orderId: 'o-1' }, headers: { tenant: 't' }, createdAt: new Date(1_000) },
    ])
    const [record] = database.records()
    expect(record).toMatchObject({ type: 'order.paid', source: 'billing' })
    expect(JSON.parse(record?.headers ?? '{}')).toMatchObject({
      'correlation-id': 'talk-1',
      'waybill-causation': id,
    })
    await consumer.stop()
  })

  it('takes scheduled messages back in its transaction, or not at all when the handler fails', async () => {
    const later = { type: 'order.paid', payload: { orderId: 'o-1' }, deliverAt: new Date(4e12) } as const
    const ids: string[] = []
    let fails = true
    const { consumer, place, outcomes, database } = setup({
      handlers: {
        'order.placed': async (_message, { outbox }) => {
          const [kept] = ids
          if (kept === undefined) ids.push((await outbox.write(later)).messageId)
          else {
            expect(await outbox.cancel(kept)).toBe(true)
            expect(await outbox.cancel(kept)).toBe(false)
            if (fails) throw new Error('no')
          }
        },
      },
    })
    const scheduled = async (): Promise<number> => (await database.relay.scheduled()).records
    await consumer.start()
    for (const left of [1, 1, 0]) {
      const before = outcomes.length
      place()
      await eventually(() => outcomes.length > before)
      expect(await scheduled()).toBe(left)
      fails = before < 1
    }
    expect(outcomes).toEqual(['handled', 'failed', 'handled'])
    await consumer.stop()
  })

  it('is a logger that names consumer, message and type', async () => {
    const { consumer, place, outcomes, log } = setup({
      handlers: {
        'order.placed': (_message, { logger }) => {
          logger.info({ step: 1 }, 'Half way.')
        },
      },
    })
    await consumer.start()
    const messageId = place()
    await eventually(() => outcomes.length === 1)
    expect(log).toMatchObject([
      { text: 'Half way.', fields: { consumer: 'billing', messageId, type: 'order.placed', step: 1 } },
    ])
    await consumer.stop()
  })
})
