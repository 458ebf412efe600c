import { describe, expect, it } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { createGate, createWorld, recordEffect } from './world.ts'

describe('a consumer that stops', () => {
  it('finishes what runs, and another one handles the rest without a duplicate', async () => {
    await using world = await createWorld()
    const gate = createGate()
    const first = await world.consume({
      concurrency: 3,
      handlers: {
        'order.placed': async ({ messageId }, { tx }) => {
          await gate.passed
          await recordEffect(messageId, tx)
        },
      },
    })
    const ids = await world.place(30)
    await eventually(() => first.consumer.status().running === 3 && first.consumer.status().waiting === 27)
    const stopped = first.consumer.stop()
    await eventually(() => first.consumer.status().waiting === 0)
    gate.open()
    await stopped
    expect(first.outcomes.filter((outcome) => outcome === 'handled')).toHaveLength(3)
    expect((await world.effects()).size).toBe(3)
    expect(await world.inQueue()).toBe(27)
    const second = await world.consume()
    await eventually(() => second.outcomes.length === 27)
    expect(new Set(second.outcomes)).toEqual(new Set(['handled']))
    expect(await world.effects()).toEqual(new Map(ids.map((id) => [id, 1])))
  })

  it('does not wait for a handler for ever: it is rolled back and its message goes back to the queue', async () => {
    await using world = await createWorld()
    const first = await world.consume({
      shutdownTimeoutMs: 200,
      handlers: {
        'order.placed': async ({ messageId }, { tx }) => {
          await recordEffect(messageId, tx)
          await new Promise(() => undefined)
        },
      },
    })
    const [id = ''] = await world.place(1)
    await eventually(() => first.consumer.status().running === 1)
    await first.consumer.stop()
    expect(first.outcomes).toEqual(['released'])
    expect(await world.effects()).toEqual(new Map())
    const second = await world.consume()
    await eventually(() => second.outcomes.length === 1)
    expect(await world.effects()).toEqual(new Map([[id, 1]]))
  })

  it('leaves no connection to the broker behind', async () => {
    await using world = await createWorld()
    const { consumer } = await world.consume()
    expect(world.proxy.connections).toBe(1)
    await consumer.stop()
    await eventually(() => world.proxy.connections === 0)
  })
})

describe('the schema', () => {
  it('is looked for at start: a consumer refuses to begin where there is none', async () => {
    await using world = await createWorld()
    await world.pool.query('drop schema waybill cascade')
    await expect(world.consume()).rejects.toMatchObject({ code: 'WAYBILL_SCHEMA_MISSING' })
  })
})
