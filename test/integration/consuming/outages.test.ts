import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { rabbitmq } from '../../../adapters/rabbitmq/index.ts'
import type { Database, Transport } from '../../../src/ports.ts'
import { createTestVhost } from '../../support/broker.ts'
import { eventually } from '../../support/eventually.ts'
import { startPostgres, type PostgresServer } from '../../support/postgres-server.ts'
import { startRabbitmq, type RabbitmqServer } from '../../support/rabbitmq-server.ts'
import { runSql } from './drivers.ts'
import { createWorld, recordEffect } from './world.ts'

/** Counts how often the broker delivers, so that a test can tell that nothing was delivered again. */
function counting(transport: Transport): { readonly transport: Transport; readonly counts: number[] } {
  const counts: number[] = []
  return {
    counts,
    transport: {
      ...transport,
      subscribe: (options) =>
        transport.subscribe({
          ...options,
          onDelivery(delivery) {
            counts.push(delivery.deliveryCount)
            options.onDelivery(delivery)
          },
        }),
    },
  }
}

/** Counts how often the database was asked whether it is back: what must not happen meanwhile had its chances. */
function probed<Tx>(database: Database<Tx>): {
  readonly database: Database<Tx>
  asked(times: number): Promise<true>
} {
  let count = 0
  return {
    database: {
      ...database,
      ping: () => {
        count += 1
        return database.ping()
      },
    },
    asked(times) {
      const before = count
      return eventually(() => count >= before + times)
    },
  }
}

describe('a database that goes away', () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await startPostgres()
  })
  afterAll(async () => {
    await server[Symbol.asyncDispose]()
  })

  for (const [what, mode, driver] of [
    ['is shut down', 'fast', 'pg'],
    ['crashes', 'immediate', 'pg'],
    ['crashes', 'immediate', 'knex'],
  ] as const) {
    it(`and ${what} under load of ${driver}, until it was asked for five times, loses nothing, spends no delivery and repeats no effect`, async () => {
      await using vhost = await createTestVhost()
      await using world = await createWorld({
        driver,
        databaseUrl: await freshDatabase(server),
        amqpUrl: vhost.url,
      })
      const inner = rabbitmq({ url: vhost.url })
      const { transport, counts } = counting(inner)
      const { database, asked } = probed(world.database)
      const { consumer, outcomes } = await world.consume({
        transport,
        database,
        handlers: {
          'order.placed': async ({ messageId }, { tx }) => {
            await recordEffect(messageId, tx)
            await sleep(5)
          },
        },
      })
      const first = await world.place(300)
      await eventually(() => outcomes.length > 50)
      await server.stop(mode)
      await eventually(() => consumer.status().state === 'holding' && consumer.status().running === 0)
      const handledBefore = outcomes.length
      const second = await world.place(20)
      await asked(5)
      expect(consumer.status().state).toBe('holding')
      expect(outcomes).toHaveLength(handledBefore)
      await server.start()
      await eventually(() => outcomes.length === 320)
      expect(new Set(outcomes)).toEqual(
        new Set(['handled', ...outcomes.filter((each) => each === 'duplicate')]),
      )
      expect(await world.effects()).toEqual(new Map([...first, ...second].map((id) => [id, 1])))
      expect(counts).toEqual(Array(320).fill(0))
      expect([await world.inQueue(), await world.inDeadLetters()]).toEqual([0, 0])
      await consumer.stop()
      await inner.close()
    })
  }

  it('for longer than the hold leads to one lost delivery each, and to none more', async () => {
    await using vhost = await createTestVhost()
    await using world = await createWorld({ databaseUrl: await freshDatabase(server), amqpUrl: vhost.url })
    const inner = rabbitmq({ url: vhost.url, reconnect: { baseMs: 20, maxMs: 200 } })
    const { transport, counts } = counting(inner)
    const { database, asked } = probed(world.database)
    const { consumer, outcomes } = await world.consume({ transport, database, holdMaxMs: 500 })
    await server.stop()
    const ids = await world.place(10)
    await eventually(() => consumer.status().state === 'detached')
    await eventually(async () => (await world.inQueue()) === 10)
    // A consumer that took them again and again would spend their deliveries.
    await asked(3)
    expect(await world.inQueue()).toBe(10)
    await server.start()
    await eventually(() => outcomes.length === 10)
    expect(counts).toEqual([...Array<number>(10).fill(0), ...Array<number>(10).fill(1)])
    expect(await world.effects()).toEqual(new Map(ids.map((id) => [id, 1])))
    expect(await world.inDeadLetters()).toBe(0)
    await consumer.stop()
    await inner.close()
  })

  it('between the handler and the commit leads to one effect: the message runs again', async () => {
    await using world = await createWorld({ databaseUrl: await freshDatabase(server) })
    let runs = 0
    const { outcomes } = await world.consume({
      handlers: {
        'order.placed': async ({ messageId }, { tx }) => {
          runs += 1
          await recordEffect(messageId, tx)
          if (runs === 1)
            await runSql(tx, 'select pg_terminate_backend(pg_backend_pid())').catch(() => undefined)
        },
      },
    })
    const [id = ''] = await world.place(1)
    await eventually(() => outcomes.length === 1)
    expect([outcomes, runs]).toEqual([['handled'], 2])
    expect(await world.effects()).toEqual(new Map([[id, 1]]))
  })
})

describe('a broker that restarts while messages are handled', () => {
  let broker: RabbitmqServer
  beforeAll(async () => {
    broker = await startRabbitmq()
  })
  afterAll(async () => {
    await broker[Symbol.asyncDispose]()
  })

  it('brings back what was not answered; each effect happens once', async () => {
    await using world = await createWorld({ amqpUrl: broker.url })
    const { outcomes } = await world.consume({
      handlers: {
        'order.placed': async ({ messageId }, { tx }) => {
          await recordEffect(messageId, tx)
          await sleep(20)
        },
      },
    })
    const ids = await world.place(200)
    await eventually(() => outcomes.length > 20)
    await broker.stop()
    await broker.start()
    await eventually(async () => (await world.effects()).size === 200)
    const later = await world.place(10)
    await eventually(async () => (await world.effects()).size === 210)
    expect(await world.effects()).toEqual(new Map([...ids, ...later].map((id) => [id, 1])))
    await eventually(async () => (await world.inQueue()) === 0)
    expect(await world.inDeadLetters()).toBe(0)
    expect(new Set(outcomes).has('failed')).toBe(false)
  })
})

async function freshDatabase(server: PostgresServer): Promise<string> {
  const { default: pg } = await import('pg')
  const name = `waybill_${Math.random().toString(36).slice(2)}`
  const client = new pg.Client({ connectionString: server.url })
  await client.connect()
  await client.query(`create database ${name}`)
  await client.end()
  const url = new URL(server.url)
  url.pathname = `/${name}`
  return url.href
}
