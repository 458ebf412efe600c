import { expect, test } from 'vitest'
import { pgDatabase } from '../../../adapters/pg/index.ts'
import { createOperations, type OutboxSample, type Telemetry } from '../../../src/ports.ts'
import { eventually } from '../../support/eventually.ts'
import { createWorld, numbered, type RunningRelay } from './world.ts'

/** No lease runs out while the machine is busy. */
const OFTEN = { sampleMs: 20, leaseMs: 15_000 }
const BY = { name: 'ada', via: 'cli' } as const

/** Hears what a relay tells of samples. */
class Listener implements Telemetry {
  readonly told: (OutboxSample | null)[] = []
  failures = 0

  get last(): OutboxSample | null | undefined {
    return this.told.at(-1)
  }

  /** Whether it was told a sample that was not taken back. */
  get has(): boolean {
    return (this.last ?? null) !== null
  }

  sampled(sample: OutboxSample | null): void {
    this.told.push(sample)
  }

  sampleFailed(): void {
    this.failures += 1
  }
}

const ownsFirst = ({ relay }: RunningRelay): boolean => relay.status().lanes.includes(0)

test('of several relays the owner of the first lane counts for all, and takes it back when that goes elsewhere', async () => {
  await using world = await createWorld()
  const [one, other] = [new Listener(), new Listener()]
  const first = await world.start(OFTEN, one)
  await eventually(() => ownsFirst(first))
  await eventually(() => one.last?.pending === 0)
  const second = await world.start(OFTEN, other)
  await eventually(() => second.relay.status().lanes.length === 8)
  const [owner, idle] = ownsFirst(first) ? [one, other] : [other, one]
  await eventually(() => owner.has)
  expect(owner.last?.durationMs).toBeGreaterThan(0)
  expect(idle.last ?? null).toBeNull()
  await (owner === one ? first : second).relay.stop()
  expect(owner.told.at(-1)).toBeNull()
  expect(owner.told.filter((sample) => sample === null)).toHaveLength(1)
  await eventually(() => idle.has)
  expect(owner.last).toBeNull()
})

test('a relay whose lanes go to another one takes its sample back, and samples again when they return', async () => {
  await using world = await createWorld()
  const listener = new Listener()
  const running = await world.start(OFTEN, listener)
  await eventually(() => listener.has)
  const { services } = createOperations({ database: pgDatabase(world.database.pool) })
  await services.pause('relay', 'relay-0', { by: BY, reason: 'Its machine is replaced.' })
  await eventually(() => running.relay.status().lanes.length === 0 && listener.last === null)
  await services.resume('relay', 'relay-0', { by: BY })
  await eventually(() => listener.has)
  expect(listener.told.filter((sample) => sample === null)).toHaveLength(1)
})

test('a sample that fails is told, costs nothing else, and the next one comes', async () => {
  await using world = await createWorld()
  const listener = new Listener()
  const running = await world.start(OFTEN, listener)
  await eventually(() => listener.has)
  const blocker = await world.database.pool.connect()
  await blocker.query('begin; lock table only waybill.bulk_operation in access exclusive mode')
  await eventually(() => listener.failures > 1)
  await world.write(numbered(20, 4))
  await world.drained()
  expect(running.counts.leaseLost).toBe(0)
  const before = listener.told.length
  await blocker.query('rollback')
  blocker.release()
  await eventually(() => listener.told.length > before)
  expect(listener.told).not.toContain(null)
})
