import { describe, expect, it } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { DRIVERS } from './drivers.ts'
import { createGate, createWorld, QUEUE, recordEffect } from './world.ts'

const once = (ids: readonly string[]): Map<string, number> => new Map(ids.map((id) => [id, 1]))

describe.each(DRIVERS)('the effect of a message happens once, by %s,', (driver) => {
  it('when it is delivered again later', async () => {
    await using world = await createWorld({ driver })
    const { outcomes } = await world.consume()
    const [messageId = ''] = await world.place(1)
    await eventually(() => outcomes.length === 1)
    await world.place(3, { messageId })
    await eventually(() => outcomes.length === 4)
    expect(outcomes).toEqual(['handled', 'duplicate', 'duplicate', 'duplicate'])
    expect(await world.effects()).toEqual(once([messageId]))
    expect([await world.inQueue(), await world.inDeadLetters()]).toEqual([0, 0])
  })

  it('when two consumers get copies of many messages at the same time', async () => {
    await using world = await createWorld({ driver })
    const consumers = [await world.consume(), await world.consume()]
    const ids = await world.place(60)
    for (const messageId of ids.slice(0, 10)) await world.place(2, { messageId })
    const all = (): string[] => consumers.flatMap(({ outcomes }) => outcomes)
    await eventually(() => all().length === 80)
    expect(await world.effects()).toEqual(once(ids))
    expect(all().filter((outcome) => outcome === 'handled')).toHaveLength(60)
    expect(all().filter((outcome) => outcome === 'duplicate')).toHaveLength(20)
    expect(consumers.every(({ outcomes }) => outcomes.length > 0)).toBe(true)
  })

  it('when two consumers get copies of one message while its handler runs', async () => {
    await using world = await createWorld({ driver })
    const gate = createGate()
    const started: string[] = []
    const handlers = {
      'order.placed': async (
        { messageId }: { messageId: string },
        { tx }: { tx: Parameters<typeof recordEffect>[1] },
      ) => {
        started.push(messageId)
        await gate.passed
        await recordEffect(messageId, tx)
      },
    }
    const consumers = [await world.consume({ handlers }), await world.consume({ handlers })]
    const [messageId = ''] = await world.place(1)
    await eventually(() => started.length === 1)
    await world.place(3, { messageId })
    await eventually(() => consumers.reduce((sum, { consumer }) => sum + consumer.status().running, 0) === 4)
    gate.open()
    await eventually(() => consumers.flatMap(({ outcomes }) => outcomes).length === 4)
    expect(started).toEqual([messageId])
    expect(await world.effects()).toEqual(once([messageId]))
    expect(await world.inDeadLetters()).toBe(0)
  })

  it('when the connection breaks after the commit and before the answer', async () => {
    await using world = await createWorld({ driver })
    const committed: string[] = []
    const cutOnCommit: typeof world.database = {
      ...world.database,
      async handle(messages, work) {
        const result = await world.database.handle(messages, work)
        committed.push('committed')
        if (committed.length === 1) {
          world.proxy.reset()
          // The answer is given on a connection that is gone.
          await eventually(() => world.proxy.connections === 0 || committed.length > 1)
        }
        return result
      },
    }
    const { outcomes } = await world.consume({ database: cutOnCommit })
    const [messageId = ''] = await world.place(1)
    await eventually(() => outcomes.includes('duplicate') && outcomes.includes('handled'))
    expect(await world.effects()).toEqual(once([messageId]))
    await eventually(async () => (await world.inQueue()) === 0)
    expect(await world.inDeadLetters()).toBe(0)
  })

  it('when the channel is lost while the handler runs: the redelivery waits for it', async () => {
    await using world = await createWorld({ driver })
    const gate = createGate()
    const started: string[] = []
    const { consumer, outcomes } = await world.consume({
      handlers: {
        'order.placed': async ({ messageId }, { tx }) => {
          started.push(messageId)
          await recordEffect(messageId, tx)
          await gate.passed
        },
      },
    })
    const [messageId = ''] = await world.place(1)
    await eventually(() => started.length === 1)
    world.proxy.reset()
    await eventually(() => consumer.status().running === 2)
    gate.open()
    await eventually(() => outcomes.length === 2)
    expect([...outcomes].sort()).toEqual(['duplicate', 'handled'])
    expect(started).toEqual([messageId])
    expect(await world.effects()).toEqual(once([messageId]))
    await eventually(async () => (await world.inQueue()) === 0)
  })

  it('and what its handler writes is written with it or not at all', async () => {
    await using world = await createWorld({ driver })
    const { outcomes } = await world.consume({
      handlers: {
        'order.placed': async ({ messageId, key, payload }, { tx, outbox }) => {
          await recordEffect(messageId, tx)
          await outbox.write({ type: 'order.paid', key: payload.orderId, payload })
          if (key === 'bad') throw new Error('No.')
        },
      },
    })
    const [good] = await world.place(1)
    await world.place(1, { key: 'bad' })
    await eventually(() => outcomes.length === 2)
    const { rows } = await world.pool.query('select type, source, key, headers from waybill.outbox')
    expect(rows).toHaveLength(1)
    expect(rows[0]).toMatchObject({ type: 'order.paid', source: QUEUE, key: 'o-1' })
    expect(JSON.parse((rows[0] as { headers: string }).headers)).toMatchObject({
      'correlation-id': good,
      'waybill-causation': good,
    })
  })
})
