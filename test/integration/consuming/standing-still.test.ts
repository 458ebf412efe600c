import { describe, expect, it } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { createGate, createWorld, QUEUE, recordEffect } from './world.ts'

const once = (ids: readonly string[]): Map<string, number> => new Map(ids.map((id) => [id, 1]))

describe('C17: a consumer most of whose messages fail', () => {
  it('stops, keeps no more of them, tries one at a time, and handles all when that one succeeds', async () => {
    await using world = await createWorld()
    const service = { away: true, asked: 0 }
    const states: string[] = []
    const { consumer, outcomes } = await world.consume({
      concurrency: 4,
      retry: { baseMs: 1_000, maxMs: 1_000, attempts: 100 },
      breaker: { coolDownMs: 300, coolDownMaxMs: 600 },
      telemetry: { breaker: (_name, state) => void states.push(state) },
      handlers: {
        'order.placed': async ({ messageId }, { tx }) => {
          service.asked += 1
          if (service.away) throw new Error('The service that all need is away.')
          await recordEffect(messageId, tx)
        },
      },
    })
    const ids = await world.place(90)
    await eventually(() => states.includes('open'))
    // It was tried several times in vain meanwhile.
    await eventually(() => states.filter((state) => state === 'half-open').length >= 3)
    const tries = states.filter((state) => state === 'half-open').length
    // Twenty open it; those that ran beside the last of them fail too.
    expect((await world.kept()).length).toBeLessThanOrEqual(20 + 3 + tries)
    expect(service.asked).toBeLessThanOrEqual(20 + 3 + tries)
    expect(outcomes).not.toContain('released')
    expect(await world.inQueue()).toBe(0)
    expect(['open', 'half-open']).toContain(consumer.status().breaker)
    service.away = false
    await eventually(async () => (await world.effects()).size === ids.length)
    expect(await world.effects()).toEqual(once(ids))
    expect(states.at(-1)).toBe('closed')
    await eventually(async () => (await world.kept()).every(({ state }) => state === 'resolved'))
    expect(await world.inDeadLetters()).toBe(0)
  })
})

describe('35: a consumer that an operator stops while it has messages in hand', () => {
  it('finishes what runs, gives the rest back, and goes on with it when it may', async () => {
    await using world = await createWorld()
    const gate = createGate()
    const { consumer, outcomes } = await world.consume({
      concurrency: 3,
      handlers: {
        'order.placed': async ({ messageId }, { tx }) => {
          await gate.passed
          await recordEffect(messageId, tx)
        },
      },
    })
    const ids = await world.place(30)
    await eventually(() => consumer.status().running === 3 && consumer.status().waiting === 27)
    await world.pool.query(
      `insert into waybill.pause (kind, name, paused_by, reason) values ('consumer', '${QUEUE}', 'ops', 'night')`,
    )
    await eventually(async () => (await world.inQueue()) === 27)
    expect(consumer.status()).toMatchObject({ paused: true, running: 3, waiting: 0 })
    gate.open()
    await eventually(() => outcomes.filter((outcome) => outcome === 'handled').length === 3)
    await eventually(() => consumer.status().running === 0)
    expect([(await world.effects()).size, await world.inQueue()]).toEqual([3, 27])
    await world.pool.query('delete from waybill.pause')
    await eventually(async () => (await world.effects()).size === ids.length)
    expect(await world.effects()).toEqual(once(ids))
    expect(outcomes.filter((outcome) => outcome === 'released')).toHaveLength(27)
    expect([await world.kept(), await world.inDeadLetters()]).toEqual([[], 0])
  })
})
