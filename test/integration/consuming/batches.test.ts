import { describe, expect, it } from 'vitest'
import { PermanentError } from '../../../src/index.ts'
import type { Database } from '../../../src/ports.ts'
import { startChild } from '../../support/child.ts'
import { eventually } from '../../support/eventually.ts'
import { DRIVERS, runSql, type Tx } from './drivers.ts'
import { createWorld, recordEffect, type World } from './world.ts'

const once = (ids: readonly string[]): Map<string, number> => new Map(ids.map((id) => [id, 1]))

/** The world's database, and how many messages each of its transactions has begun with. */
function counting({ database }: World): { readonly database: Database<Tx>; readonly sizes: number[] } {
  const sizes: number[] = []
  return {
    sizes,
    database: {
      ...database,
      handle(messages, work) {
        sizes.push(messages.length)
        return database.handle(messages, work)
      },
    },
  }
}

describe.each(DRIVERS)('a consumer in batches, by %s,', (driver) => {
  it('has each effect once when messages come several times, in one batch and in those of another instance', async () => {
    await using world = await createWorld({ driver })
    const { database, sizes } = counting(world)
    const consumers = [
      await world.consume({ database, batch: 20, lingerMs: 50 }),
      await world.consume({ database, batch: 20, lingerMs: 50 }),
    ]
    const ids = await world.place(60)
    for (const messageId of ids.slice(0, 10)) await world.place(2, { messageId })
    const all = (): string[] => consumers.flatMap(({ outcomes }) => outcomes)
    await eventually(() => all().length === 80)
    expect(await world.effects()).toEqual(once(ids))
    expect(all().filter((outcome) => outcome === 'handled')).toHaveLength(60)
    expect(all().filter((outcome) => outcome === 'duplicate')).toHaveLength(20)
    expect(consumers.every(({ outcomes }) => outcomes.length > 0)).toBe(true)
    expect(Math.max(...sizes)).toBeGreaterThan(1)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(20)
    await eventually(async () => (await world.inQueue()) === 0)
    expect(await world.inDeadLetters()).toBe(0)
  })

  it('rolls a batch back when a handler in its middle fails, and gives up that message alone', async () => {
    await using world = await createWorld({ driver })
    const { database, sizes } = counting(world)
    const { outcomes } = await world.consume({
      ...{ database, batch: 11, concurrency: 1, lingerMs: 2_000 },
      handlers: {
        'order.placed': async ({ messageId, key, payload }, { tx, outbox }) => {
          await recordEffect(messageId, tx)
          await outbox.write({ type: 'order.paid', key: messageId, payload })
          if (key === 'bad') throw new PermanentError('No such customer.')
        },
      },
    })
    const before = await world.place(5)
    const bad = await world.place(1, { key: 'bad' })
    const after = await world.place(5)
    await eventually(() => outcomes.length === 11)
    expect(Math.max(...sizes)).toBeGreaterThan(1)
    expect(await world.effects()).toEqual(once([...before, ...after]))
    const { rows } = await world.pool.query<{ key: string }>('select key from waybill.outbox')
    expect(rows.map(({ key }) => key).sort()).toEqual([...before, ...after].sort())
    expect(await world.kept()).toMatchObject([{ messageId: bad[0], state: 'dead', reason: 'permanent' }])
    expect(await world.inDeadLetters()).toBe(0)
  })

  it('loses and repeats nothing when the connection to the database breaks in the middle of a batch', async () => {
    await using world = await createWorld({ driver })
    const self = { broken: false }
    const { outcomes } = await world.consume({
      ...{ batch: 10, concurrency: 1, lingerMs: 2_000 },
      handlers: {
        'order.placed': async ({ messageId, key }, { tx }) => {
          await recordEffect(messageId, tx)
          if (key !== 'last straw' || self.broken) return
          self.broken = true
          await runSql(tx, 'select pg_terminate_backend(pg_backend_pid())')
        },
      },
    })
    const ids = [
      ...(await world.place(5)),
      ...(await world.place(1, { key: 'last straw' })),
      ...(await world.place(4)),
    ]
    await eventually(() => outcomes.length === 10)
    expect(self.broken).toBe(true)
    expect(new Set(outcomes)).toEqual(new Set(['handled']))
    expect(await world.effects()).toEqual(once(ids))
  })
})

describe('a process that is killed in the middle of a batch', () => {
  it('leaves no effect behind, and another one handles all of it once', async () => {
    await using world = await createWorld()
    const env = { WAYBILL_DATABASE_URL: world.databaseUrl, WAYBILL_AMQP_URL: world.amqpUrl }
    await using child = startChild('test/integration/consuming/batch.child.ts', { env })
    await child.line(/^started$/)
    const ids = await world.place(20)
    await child.line(/^in the middle$/)
    await child.kill('SIGKILL')
    expect(await world.effects()).toEqual(new Map())
    const { outcomes } = await world.consume({ batch: 20, lingerMs: 50 })
    await eventually(() => outcomes.length === 20)
    expect(new Set(outcomes)).toEqual(new Set(['handled']))
    expect(await world.effects()).toEqual(once(ids))
  })
})
