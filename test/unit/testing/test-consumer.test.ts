import { describe, expect, it } from 'vitest'
import { createOutbox, defineMessages, messageType, PermanentError, type HandlerContext } from 'waybill'
import {
  eventually,
  fakeClock,
  memoryDatabase,
  testConsumer,
  writtenMessages,
  type MemoryTransaction,
} from 'waybill/testing'
import { z } from 'zod'

const messages = defineMessages(
  {
    'order.placed': z.object({ orderId: z.string(), total: z.coerce.number() }),
    'invoice.issued': messageType<{ orderId: string; amount: number }>(),
  },
  { source: 'shop' },
)

/** The service's own code under test: bills an order, refuses an empty one. */
async function issueInvoice(
  message: { readonly payload: { readonly orderId: string; readonly total: number } },
  { tx, outbox }: HandlerContext<typeof messages, MemoryTransaction>,
): Promise<void> {
  const { orderId, total } = message.payload
  await tx.put('invoices', orderId, { total })
  await outbox.write({
    type: 'invoice.issued',
    key: orderId,
    payload: { orderId, amount: total },
    headers: { kind: 'b2c' },
  })
  if (total === 0) throw new Error('Nothing to bill.')
}

const handlers = { 'order.placed': issueInvoice }
const order = { type: 'order.placed', payload: { orderId: 'o-1', total: 20 } } as const

describe('testConsumer', () => {
  it('tells that a message was handled and what its handler wrote', async () => {
    await using consumer = testConsumer({ messages, handlers })
    const delivery = await consumer.deliver({ ...order, correlationId: 'talk' })
    expect(delivery).toMatchObject({ outcome: 'handled', dead: false, error: undefined })
    expect(delivery.written).toMatchObject([
      {
        type: 'invoice.issued',
        key: 'o-1',
        payload: { orderId: 'o-1', amount: 20 },
        headers: { kind: 'b2c' },
        correlationId: 'talk',
        causationId: delivery.messageId,
        exchange: 'shop.events',
      },
    ])
  })

  it('does not count what its handler has taken back as written', async () => {
    const later = {
      type: 'invoice.issued',
      payload: { orderId: 'o', amount: 1 },
      deliverAt: new Date(4e12),
    } as const
    await using consumer = testConsumer({
      messages,
      handlers: {
        'order.placed': async (_message, { outbox }) => {
          const { messageId } = await outbox.write(later)
          await outbox.write({ ...later, payload: { orderId: 'o', amount: 2 } })
          await outbox.cancel(messageId.toUpperCase())
        },
      },
    })
    expect((await consumer.deliver(order)).written).toMatchObject([{ payload: { amount: 2 } }])
  })

  it('handles a message that is delivered again only once', async () => {
    const database = memoryDatabase()
    await using consumer = testConsumer({ messages, handlers, database })
    const { messageId } = await consumer.deliver(order)
    expect(await consumer.deliver({ ...order, messageId })).toMatchObject({
      outcome: 'duplicate',
      written: [],
    })
    expect(database.rows('invoices')).toEqual([{ total: 20 }])
  })

  it('tells what a handler threw, and that nothing of it stands', async () => {
    const database = memoryDatabase()
    await using consumer = testConsumer({ messages, handlers, database })
    const delivery = await consumer.deliver({ type: 'order.placed', payload: { orderId: 'o-2', total: 0 } })
    expect(delivery).toMatchObject({
      outcome: 'failed',
      dead: false,
      error: new Error('Nothing to bill.'),
      written: [],
    })
    expect([database.rows('invoices'), database.records()]).toEqual([[], []])
    expect(await consumer.deliver(order)).toMatchObject({ outcome: 'handled' })
  })

  it('says of a dead letter that it is one, and what a handler logs is no error of its message', async () => {
    await using consumer = testConsumer({
      messages,
      handlers: {
        'order.placed': ({ payload }, { logger }) => {
          logger.warn({ error: new Error('The first try of two.') }, 'Asking again.')
          if (payload.total === 0) throw new PermanentError('No such customer.')
        },
      },
    })
    const dead = await consumer.deliver({ type: 'order.placed', payload: { orderId: 'o-2', total: 0 } })
    expect(dead).toMatchObject({ outcome: 'failed', dead: true, error: { message: 'No such customer.' } })
    expect(await consumer.deliver(order)).toMatchObject({ outcome: 'handled', error: undefined, dead: false })
  })

  it('tries a failed message again when its time has come, until it is handled or a dead letter', async () => {
    const clock = fakeClock()
    const database = memoryDatabase({ clock })
    const tried: string[] = []
    await using consumer = testConsumer({
      ...{ messages, database, clock, retry: { attempts: 3, baseMs: 1_000 } },
      handlers: {
        'order.placed': ({ payload: { orderId } }) => {
          tried.push(orderId)
          if (orderId === 'never' || tried.length < 3) throw new Error(`Not yet: ${String(tried.length)}`)
        },
      },
    })
    const placed = (orderId: string) =>
      consumer.deliver({ type: 'order.placed', payload: { orderId, total: 1 } })
    expect(await placed('soon')).toMatchObject({ outcome: 'failed', dead: false })
    await clock.advance(10_000)
    await placed('never')
    await clock.advance(10_000)
    expect(tried).toEqual(['soon', 'soon', 'soon', 'never', 'never', 'never'])
    expect(database.keptFailures()).toMatchObject([
      { state: 'resolved', reason: 'failed' },
      { state: 'dead', reason: 'exhausted', error: { message: 'Not yet: 6' } },
    ])
  })

  it('takes no answer of a message that is tried again for that of the one just delivered', async () => {
    const goOn = new AbortController()
    const retried = new Promise((resolve) => {
      goOn.signal.addEventListener('abort', resolve)
    })
    let tries = 0
    await using consumer = testConsumer({
      ...{ messages, retry: { attempts: 2, baseMs: 1 } },
      handlers: {
        'order.placed': async ({ payload: { orderId } }) => {
          if (orderId === 'o-1') {
            await retried
            return
          }
          tries += 1
          throw new Error(`Failed: ${String(tries)}`)
        },
      },
    })
    await consumer.deliver({ type: 'order.placed', payload: { orderId: 'o-2', total: 0 } })
    const database = consumer.database as ReturnType<typeof memoryDatabase>
    const delivery = consumer.deliver(order)
    await eventually(() => database.keptFailures()[0]?.state === 'dead')
    goOn.abort()
    expect(await delivery).toMatchObject({ outcome: 'handled', dead: false, error: undefined })
  })

  it('answers however many fail: what stops a consumer in production does not stop a test', async () => {
    await using consumer = testConsumer({ messages, handlers })
    for (let n = 0; n < 25; n += 1) {
      const failed = await consumer.deliver({ type: 'order.placed', payload: { orderId: 'o', total: 0 } })
      expect(failed.outcome).toBe('failed')
    }
  })

  it('refuses to deliver what a sender could not have written', async () => {
    await using consumer = testConsumer({ messages, handlers })
    const payload = { orderId: 5 as never, total: 1 }
    await expect(consumer.deliver({ type: 'order.placed', payload })).rejects.toMatchObject({
      code: 'WAYBILL_PAYLOAD_INVALID',
    })
  })

  it('delivers envelopes that no sender of ours would write', async () => {
    await using consumer = testConsumer({ messages, handlers })
    const deliveries = [
      await consumer.deliverEnvelope({ type: 'order.lost' }),
      await consumer.deliverEnvelope({ type: 'order.placed', body: Buffer.from('{') }),
      await consumer.deliverEnvelope({
        type: 'order.placed',
        body: Buffer.from('{"orderId":"o","total":"7"}'),
      }),
    ]
    expect(deliveries.map(({ outcome, dead }) => [outcome, dead])).toEqual([
      ['malformed', true],
      ['malformed', true],
      ['handled', false],
    ])
    expect(deliveries[1]?.error).toMatchObject({ code: 'WAYBILL_PAYLOAD_UNREADABLE' })
    expect(deliveries[2]?.written).toMatchObject([{ payload: { amount: 7 } }])
  })

  it('takes deliveries that are asked for at the same time one after the other', async () => {
    await using consumer = testConsumer({ messages, handlers })
    const both = await Promise.all([
      consumer.deliver(order),
      consumer.deliver({ type: 'order.placed', payload: { orderId: 'o-3', total: 3 } }),
    ])
    expect(both.map(({ written }) => written.map(({ key }) => key))).toEqual([['o-1'], ['o-3']])
  })
})

describe('writtenMessages', () => {
  it('tells what committed transactions have written, decoded', async () => {
    const database = memoryDatabase()
    const outbox = createOutbox({ source: 'shop', messages, database })
    const place = (orderId: string): Promise<unknown> =>
      database.transaction(async (tx) => {
        await outbox.write(tx, { type: 'order.placed', key: orderId, payload: { orderId, total: 20 } })
        if (orderId === 'bad') throw new Error('No.')
      })
    await place('o-1')
    await place('bad').catch(() => undefined)
    expect(writtenMessages(database, messages)).toMatchObject([
      { type: 'order.placed', source: 'shop', key: 'o-1', payload: { orderId: 'o-1', total: 20 } },
    ])
  })

  it('says so when the catalogue does not have a type that was written', async () => {
    const database = memoryDatabase()
    const outbox = createOutbox({ source: 'shop', messages, database })
    await database.transaction((tx) => outbox.write(tx, order))
    expect(() => writtenMessages(database, defineMessages({}))).toThrow('order.placed')
  })
})
