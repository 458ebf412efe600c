import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { createWorld, numbered, outOfOrder, QUICK, type World } from './world.ts'

let world: World
beforeEach(async () => {
  world = await createWorld()
})
afterEach(async () => {
  await world[Symbol.asyncDispose]()
})

/** Writes until told to stop; resolves with how many there are. */
function keepWriting(keys: number): { stop(): Promise<number> } {
  const end = new AbortController()
  const done = (async () => {
    let written = 0
    for (; !end.signal.aborted; written += keys) {
      await world.write(
        Array.from({ length: keys }, (_, key) => ({ key: `key-${key}`, body: String(written / keys) })),
      )
    }
    return written
  })()
  return {
    stop() {
      end.abort()
      return done
    },
  }
}

describe('relays of one outbox', () => {
  test('share the lanes evenly when one joins and another stops, without a duplicate', async () => {
    const writing = keepWriting(50)
    const first = await world.start()
    expect(first.relay.status().lanes).toHaveLength(16)
    const second = await world.start()
    await eventually(
      () => first.relay.status().lanes.length === 8 && second.relay.status().lanes.length === 8,
    )
    const third = await world.start()
    await eventually(() => third.relay.status().lanes.length >= 5)
    await first.relay.stop()
    await eventually(() => second.relay.status().lanes.length + third.relay.status().lanes.length === 16)
    const written = await writing.stop()
    await world.drained()

    const { arrived } = world.broker
    expect(arrived).toHaveLength(written)
    expect(outOfOrder(arrived)).toEqual([])
    for (const { counts } of world.relays) expect(counts).toMatchObject({ leaseLost: 0, sweepFound: 0 })
  })

  test('one that stops hands over at once', async () => {
    const long = { leaseMs: 600_000, graceMs: 10_000 }
    const first = await world.start(long)
    const second = await world.start(long)
    await eventually(() => second.relay.status().lanes.length === 8)
    await first.relay.stop()
    await eventually(() => second.relay.status().lanes.length === 16)
  })

  test('one that crashes is replaced after lease and grace, and nothing is lost or out of order', async () => {
    const writing = keepWriting(50)
    const first = await world.start()
    const second = await world.start()
    await eventually(() => second.relay.status().lanes.length === 8)
    const crashedAt = performance.now()
    await first.kill()
    await eventually(() => second.relay.status().lanes.length === 16)
    const took = performance.now() - crashedAt
    const written = await writing.stop()
    await world.drained()

    const { arrived } = world.broker
    expect(new Set(arrived.map(({ messageId }) => messageId)).size).toBe(written)
    expect(outOfOrder(arrived)).toEqual([])
    const due = (QUICK.leaseMs ?? 0) + (QUICK.graceMs ?? 0)
    expect(took).toBeGreaterThan(due / 2)
    // The rest is what a busy machine adds.
    expect(took).toBeLessThan(10 * due)
  })

  test('one that starts under the name of a dead one is another one, and waits for its lease like everybody', async () => {
    await world.write(numbered(100, 50))
    const dead = await world.start({}, {}, { host: 'pod-0' })
    await world.drained()
    const { epoch: before = NaN } = world.broker.arrived.at(-1) ?? {}
    await dead.kill()
    const { pool } = world.database
    const prolonged = await pool.query(
      `update waybill.relay set expires_at = clock_timestamp() + interval '1 hour'`,
    )
    expect(prolonged.rowCount).toBe(1)
    const { relay } = await world.start({}, {}, { host: 'pod-0' })
    expect(relay.relayId).not.toBe(dead.relay.relayId)
    expect(relay.status().lanes).toEqual([])
    await world.write(numbered(100, 50))
    await pool.query('update waybill.relay set expires_at = clock_timestamp() where relay_id = $1', [
      dead.relay.relayId,
    ])
    await eventually(() => relay.status().lanes.length === 16)
    await world.drained()
    const { rows } = await pool.query('select host from waybill.relay')
    expect(rows).toEqual([{ host: 'pod-0' }])
    expect(world.broker.arrived.slice(100).filter(({ epoch }) => epoch <= before)).toEqual([])
  })

  test('one that was buried kills its connection first, begins anew and goes on', async () => {
    const { relay, counts } = await world.start()
    const before = relay.relayId
    await world.database.pool.query('delete from waybill.relay')
    await eventually(() => relay.relayId !== before && relay.status().lanes.length === 16)
    expect(counts.leaseLost).toBe(1)
    expect(world.broker.resets).toBe(1)
    await world.write(numbered(100, 10))
    await world.drained()
    expect(relay.status().ready).toBe(true)
  })
})

describe('a process that stands still', () => {
  /** As SIGSTOP and SIGCONT do: no timer fires, no answer is read. */
  const standStill = (ms: number): void => {
    const until = performance.now() + ms
    while (performance.now() < until);
  }

  test('for longer than its lease publishes nothing more under it, and kills its connection first', async () => {
    await world.write(numbered(20_000, 200))
    const { counts } = await world.start({ batchSize: 50, window: 50 })
    const { arrived } = world.broker
    await eventually(() => arrived.length > 500, { everyMs: 1 })
    standStill(2500)
    const before = arrived.length
    const epoch = arrived.at(-1)?.epoch ?? NaN
    await world.drained()
    expect(arrived.slice(before).filter((message) => message.epoch <= epoch)).toEqual([])
    expect(counts.leaseLost).toBe(1)
    expect(world.broker.resets).toBe(1)
    expect(outOfOrder(arrived)).toEqual([])
  })

  test('for less renews its lease before it publishes again', async () => {
    await world.write(numbered(20_000, 200))
    const { counts, relay } = await world.start({ leaseMs: 15_000, batchSize: 50, window: 50, stallMs: 300 })
    const { arrived } = world.broker
    await eventually(() => arrived.length > 500, { everyMs: 1 })
    await world.database.pool.query('delete from waybill.relay')
    standStill(500)
    const before = arrived.length
    const epoch = arrived.at(-1)?.epoch ?? NaN
    await eventually(() => counts.leaseLost === 1)
    await world.drained()
    expect(arrived.slice(before).filter((message) => message.epoch <= epoch)).toEqual([])
    expect(relay.status().lanes).toHaveLength(16)
  })
})

describe('writers and the database', () => {
  test('a transaction that stays open delays its own messages and nobody else', async () => {
    const { counts } = await world.start()
    const client = await world.database.pool.connect()
    await client.query('begin')
    await world.write([{ key: 'late', body: '0' }], client)
    await world.write(numbered(2000, 50))
    await eventually(() => world.broker.arrived.length === 2000)
    await client.query('commit')
    client.release()
    await eventually(() => world.broker.arrived.some(({ key }) => key === 'late'))
    await world.drained()
    expect(counts.sweepFound).toBe(0)
    expect(world.broker.arrived).toHaveLength(2001)
  })

  test('connections to the database that are cut mid-way cost nothing but time', async () => {
    const { relay, counts } = await world.start({ leaseMs: 15_000, batchSize: 100, window: 100 })
    const writing = keepWriting(50)
    for (let cut = 0; cut < 8; cut += 1) {
      const before = world.broker.arrived.length
      await eventually(() => world.broker.arrived.length > before + 200)
      await world.database.pool.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where application_name like 'relay-%' and datname = current_database()`,
      )
    }
    const written = await writing.stop()
    await world.drained()
    expect(world.broker.arrived).toHaveLength(written)
    expect(outOfOrder(world.broker.arrived)).toEqual([])
    expect(counts.sweepFound).toBe(0)
    await eventually(() => relay.status().ready)
  })

  test('rolled-back messages are never published', async () => {
    await world.start()
    const client = await world.database.pool.connect()
    for (let round = 0; round < 20; round += 1) {
      await client.query('begin')
      await world.write([{ key: 'ghost' }], client)
      await client.query('rollback')
      await world.write([{ key: 'real', body: String(round) }])
    }
    client.release()
    await world.drained()
    await eventually(() => world.broker.arrived.length === 20)
    expect(world.broker.arrived.every(({ key }) => key === 'real')).toBe(true)
  })
})
