import pg from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { pgDatabase } from '../../../adapters/pg/index.ts'
import { createRelay } from '../../../relay/index.ts'
import { createCommitNotice, systemClock, type Clock } from '../../../src/ports.ts'
import { createTestDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { startTcpProxy } from '../../support/tcp-proxy.ts'
import { createRecordingBroker } from './recording-broker.ts'
import { createWorld, numbered, QUICK, type World } from './world.ts'

/** So that what is published meanwhile was noticed in another way. */
const LOOKS_SELDOM = { pollMinMs: 60_000, pollMaxMs: 60_000, sweepMs: 3_600_000 }

let world: World
beforeEach(async () => {
  world = await createWorld()
})
afterEach(async () => {
  await world[Symbol.asyncDispose]()
})

describe('a relay that starts', () => {
  test('refuses a database without the schema', async () => {
    await using database = await createTestDatabase()
    const relay = createRelay(
      { database: pgDatabase(database.pool), transport: createRecordingBroker().transport() },
      QUICK,
    )
    await expect(relay.start()).rejects.toMatchObject({ code: 'WAYBILL_SCHEMA_MISSING' })
    expect(relay.status()).toMatchObject({ state: 'failed', alive: false, ready: false })
    await relay.stop()
  })

  test('refuses an outbox with another number of lanes', async () => {
    await world.database.pool.query('update waybill.meta set lanes = 32')
    await expect(world.start()).rejects.toMatchObject({ code: 'WAYBILL_SCHEMA_TOO_NEW' })
  })

  test('waits for a database that is not there yet, and can be stopped meanwhile', async () => {
    const pool = new pg.Pool({ connectionString: 'postgres://nobody@127.0.0.1:1/none' })
    const relay = createRelay({ database: pgDatabase(pool), transport: createRecordingBroker().transport() })
    const started = relay.start()
    const outcome = expect(started).rejects.toMatchObject({ code: 'WAYBILL_NOT_RUNNING' })
    await eventually(() => relay.status().state === 'starting')
    await relay.stop()
    await outcome
    expect(await relay.ended).toBeNull()
    await pool.end()
  })

  test('can be stopped while the database hangs', async () => {
    const { hostname, port } = new URL(world.database.url)
    await using proxy = await startTcpProxy({ host: hostname, port: Number(port) })
    proxy.blackhole('down')
    const pool = new pg.Pool({ connectionString: proxy.url(world.database.url) })
    const relay = createRelay({ database: pgDatabase(pool), transport: createRecordingBroker().transport() })
    const outcome = expect(relay.start()).rejects.toMatchObject({ code: 'WAYBILL_NOT_RUNNING' })
    await eventually(() => proxy.connections === 1)
    await relay.stop()
    await outcome
    proxy.reset()
    await pool.end()
  })

  test('is stopped before it was started, and cannot be started any more', async () => {
    const relay = createRelay({
      database: pgDatabase(world.database.pool),
      transport: world.broker.transport(),
    })
    await relay.stop()
    await relay.stop()
    await expect(relay.start()).rejects.toMatchObject({ code: 'WAYBILL_NOT_RUNNING' })
  })
})

describe('a relay that runs', () => {
  test('is ready without lanes', async () => {
    const relays = await Promise.all(Array.from({ length: 17 }, () => world.start({ leaseMs: 10_000 })))
    await eventually(
      () =>
        relays.reduce((sum, { relay }) => sum + relay.status().lanes.length, 0) === 16 &&
        relays.some(({ relay }) => relay.status().lanes.length === 0),
    )
    expect(relays.every(({ relay }) => relay.status().ready)).toBe(true)
  })

  test('is not ready when there is work and nothing gets published', async () => {
    world.broker.answer = () => null
    await world.write(numbered(10, 10))
    const { relay } = await world.start({ progressMs: 300, stuckMs: 60_000 })
    await eventually(() => !relay.status().ready)
    expect(relay.status().unready).toEqual(['There are messages to publish, and none was published lately.'])
    expect(relay.status().alive).toBe(true)
  })

  test('is not alive when its loops no longer turn, however well all else is', async () => {
    const stood = { stillMs: 0 }
    const clock: Clock = {
      ...systemClock,
      monotonic: () => systemClock.monotonic() + stood.stillMs,
      // What is set while it stands still never comes.
      after: (ms, callback) =>
        systemClock.after(ms, () => {
          if (stood.stillMs === 0) callback()
        }),
    }
    const { relay } = await world.start({ leaseMs: 600_000 }, {}, { clock })
    await world.write(numbered(10, 10))
    await world.drained()
    expect(relay.status()).toMatchObject({ alive: true, ready: true })
    stood.stillMs = 31_000
    expect(relay.status()).toMatchObject({ alive: false, ready: true })
    stood.stillMs = 0
  })

  test('ends by itself when the schema has become too new, after it has handed everything over', async () => {
    const { relay } = await world.start()
    await world.database.pool.query('update waybill.meta set version = 1000, min_compatible = 1000')
    const failure = await relay.ended
    expect(failure).toMatchObject({ code: 'WAYBILL_SCHEMA_TOO_NEW' })
    expect(relay.status().state).toBe('failed')
    const { rows } = await world.database.pool.query('select from waybill.relay')
    expect(rows).toHaveLength(0)
  })

  test('removes what it has published before it stops, and leaves the rest', async () => {
    await world.write(numbered(5000, 500))
    const { relay, counts } = await world.start({ batchSize: 100, window: 100 })
    await eventually(() => world.broker.arrived.length > 500, { everyMs: 1 })
    await relay.stop()
    expect(await world.left()).toBe(5000 - world.broker.arrived.length)
    expect(counts.settled).toBe(world.broker.arrived.length)
    expect(relay.status()).toMatchObject({
      state: 'stopped',
      inFlight: 0,
      unsettled: 0,
      ready: false,
      lanes: [],
    })
    expect(await relay.ended).toBeNull()
  })

  test('looks at once when something was committed in its own process', async () => {
    const notice = createCommitNotice()
    const pool = new pg.Pool({ connectionString: world.database.url })
    const database = { ...pgDatabase(pool), committed: notice }
    const relay = createRelay(
      { database, transport: world.broker.transport() },
      { ...QUICK, ...LOOKS_SELDOM },
    )
    await relay.start()
    await eventually(() => relay.status().publisher === 'ready')
    for (let round = 1; round <= 5; round += 1) {
      await world.write([{ key: 'a' }])
      notice.notify()
      await eventually(() => world.broker.arrived.length === round, {
        timeoutMs: LOOKS_SELDOM.pollMinMs / 2,
        everyMs: 1,
      })
    }
    await world.write([{ key: 'a' }])
    relay.wake()
    await eventually(() => world.broker.arrived.length === 6, {
      timeoutMs: LOOKS_SELDOM.pollMinMs / 2,
      everyMs: 1,
    })
    await relay.stop()
    await pool.end()
  })

  test('notices by the doorbell what another process has committed', async () => {
    await world.start()
    await new Promise((resolve) => setTimeout(resolve, 300))
    const waits: number[] = []
    for (let round = 1; round <= 20; round += 1) {
      await world.write([{ key: 'a' }])
      const committedAt = performance.now()
      await eventually(() => world.broker.arrived.length === round, { everyMs: 1 })
      waits.push(performance.now() - committedAt)
    }
    expect(waits.sort((a, b) => a - b)[10]).toBeLessThan(150)
  })
})
