import { connect } from 'amqplib'
import { describe, expect, it } from 'vitest'
import { createTestVhost } from '../../support/broker.ts'
import { eventually } from '../../support/eventually.ts'
import { DRIVERS, runSql } from './drivers.ts'
import { createGate, createWorld, QUEUE, recordEffect } from './world.ts'

describe.each(DRIVERS)('what cannot be handled is kept in the database, by %s:', (driver) => {
  it('a message whose handler fails; others flow', async () => {
    await using world = await createWorld({ driver })
    const { outcomes } = await world.consume({
      handlers: {
        'order.placed': async ({ messageId, key }, { tx }) => {
          await recordEffect(messageId, tx)
          if (key === 'bad') throw new Error('No such customer.')
        },
      },
    })
    const bad = await world.place(3, { key: 'bad' })
    const good = await world.place(20)
    await eventually(() => outcomes.length === 23)
    expect([...(await world.effects()).keys()].sort()).toEqual([...good].sort())
    const kept = await world.kept()
    expect(kept.map(({ messageId }) => messageId).sort()).toEqual([...bad].sort())
    expect(kept).toMatchObject(
      Array(3).fill({ state: 'retry', reason: 'failed', attempts: 1, error: 'No such customer.' }),
    )
    await eventually(async () => (await world.inQueue()) === 0)
    expect(await world.inDeadLetters()).toBe(0)
  })

  it('a message without an id, one that is no JSON, and one of an unknown type', async () => {
    await using vhost = await createTestVhost()
    await using world = await createWorld({ driver, amqpUrl: vhost.url })
    const { outcomes, log } = await world.consume()
    await sendRaw(vhost.url, [
      { body: '{}', options: { type: 'order.placed' } },
      { body: '{', options: { type: 'order.placed', messageId: 'm-1' } },
      { body: '{}', options: { type: 'order.lost', messageId: 'm-2' } },
    ])
    await eventually(() => outcomes.length === 3)
    expect(outcomes).toEqual(['malformed', 'malformed', 'malformed'])
    const kept = await world.kept()
    expect(kept.map(({ state, reason }) => `${state} ${reason}`).sort()).toEqual([
      'dead malformed',
      'dead malformed',
      'dead unknown_type',
    ])
    expect(kept.map(({ originalId }) => originalId).sort()).toEqual(['', 'm-1', 'm-2'])
    expect([await world.inQueue(), await world.inDeadLetters()]).toEqual([0, 0])
    const texts = log.filter(({ level }) => level === 'error').map(({ fields }) => fields['text'])
    expect(texts).toHaveLength(3)
    expect(texts.every((text) => typeof text === 'string' && text.length > 10)).toBe(true)
    expect(await world.effects()).toEqual(new Map())
  })

  it('a message of a stranger is handled once, by its own id', async () => {
    await using vhost = await createTestVhost()
    await using world = await createWorld({ driver, amqpUrl: vhost.url })
    const { outcomes } = await world.consume()
    const message = { body: '{"orderId":"1"}', options: { type: 'order.placed', messageId: 'shop-1' } }
    await sendRaw(vhost.url, [message, message])
    await eventually(() => outcomes.length === 2)
    expect([...outcomes].sort()).toEqual(['duplicate', 'handled'])
    expect(await world.effects()).toEqual(new Map([['shop-1', 1]]))
  })

  it('a message whose handler exceeds its time limit, which cannot write or commit afterwards', async () => {
    await using world = await createWorld({ driver })
    const late = createGate()
    const errors: unknown[] = []
    const { outcomes } = await world.consume({
      handlerTimeoutMs: 200,
      handlers: {
        'order.placed': async ({ messageId }, { tx, outbox }) => {
          await recordEffect(messageId, tx)
          await late.passed
          await recordEffect(messageId, tx).catch((error: unknown) => errors.push(error))
          await outbox
            .write({ type: 'order.paid', payload: { orderId: 'o' } })
            .catch((error: unknown) => errors.push(error))
        },
      },
    })
    await world.place(1)
    await eventually(() => outcomes.length === 1)
    expect(outcomes).toEqual(['failed'])
    late.open()
    await eventually(() => errors.length === 2)
    // A statement of knex is refused by knex itself.
    const refusal = { pg: { code: 'WAYBILL_TRANSACTION_FINISHED' }, knex: { name: 'Error' } }
    expect(errors).toMatchObject([refusal[driver], { code: 'WAYBILL_HANDLER_TIMEOUT' }])
    expect(await world.effects()).toEqual(new Map())
    const { rows } = await world.pool.query('select from waybill.outbox')
    expect(rows).toEqual([])
    expect(await world.kept()).toMatchObject([{ state: 'retry', attempts: 1 }])
  })

  it('a message whose statement deadlocks again and again, after three tries', async () => {
    await using world = await createWorld({ driver })
    let tries = 0
    const { outcomes } = await world.consume({
      handlers: {
        'order.placed': async (_message, { tx }) => {
          tries += 1
          await runSql(tx, `do $$ begin raise exception 'deadlock' using errcode = '40P01'; end $$`)
        },
      },
    })
    await world.place(1)
    await eventually(() => outcomes.length === 1)
    expect([outcomes, tries]).toEqual([['failed'], 3])
    expect(await world.kept()).toMatchObject([{ state: 'retry', attempts: 1 }])
  })
})

interface Raw {
  readonly body: string
  readonly options: Readonly<Record<string, unknown>>
}

async function sendRaw(url: string, messages: readonly Raw[]): Promise<void> {
  const model = await connect(url)
  const channel = await model.createConfirmChannel()
  for (const { body, options } of messages) channel.sendToQueue(QUEUE, Buffer.from(body), options)
  await channel.waitForConfirms()
  await model.close()
}
