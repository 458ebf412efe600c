import { expect, test } from 'vitest'
import { systemClock, type Clock } from '../../../src/ports.ts'
import { eventually } from '../../support/eventually.ts'
import { throughout } from '../../support/throughout.ts'
import { createKeyedWorld } from '../consuming/keyed/world.ts'
import { createWorld as createConsumerWorld, recordEffect } from '../consuming/world.ts'
import { createWorld, numbered, outOfOrder } from '../relay/world.ts'

const TEN_MINUTES = 600_000
/** Longer than a busy machine may keep an instance waiting. */
const LEASE = { partitionLeaseMs: 4_000 }
const FAR_EAST = '-c timezone=Pacific/Kiritimati'

/** The clock of a machine that is so far ahead; `by` may change, as when somebody sets it. */
function wrongClock(by: number): { readonly clock: Clock; by: number } {
  const self = { by, clock: { ...systemClock, now: () => systemClock.now() + self.by } }
  return self
}

test('relays whose clocks are twenty minutes apart, of which one is set back, keep lanes, order and times', async () => {
  await using world = await createWorld()
  const { pool } = world.database
  const [fast, slow] = [wrongClock(TEN_MINUTES), wrongClock(-TEN_MINUTES)]
  const first = await world.start({ leaseMs: 4_000 }, {}, { clock: fast.clock, session: FAR_EAST })
  const second = await world.start({ leaseMs: 4_000 }, {}, { clock: slow.clock })
  const relays = [first, second]
  const shares = (): number[] => relays.map(({ relay }) => relay.status().lanes.length)
  await eventually(() => shares().every((lanes) => lanes === 8))

  await world.write(numbered(500, 50))
  await throughout(2_000, () => expect(shares()).toEqual([8, 8]))
  fast.by = -TEN_MINUTES
  await world.write(numbered(1_000, 50).slice(500))
  await throughout(2_000, () => expect(shares()).toEqual([8, 8]))
  await world.drained()
  expect(world.broker.arrived).toHaveLength(1_000)
  expect(outOfOrder(world.broker.arrived)).toEqual([])

  const { rows } = await pool.query<{ due: number }>(`
    insert into waybill.scheduled (deliver_at, lane, message_id, key, type, source, exchange, routing_key, payload)
    values (clock_timestamp() + interval '2 seconds', 7, gen_random_uuid(), 'later', 'test', 'tests', 'tests.events',
      'test', '0')
    returning extract(epoch from deliver_at)::float8 * 1000 as due`)
  await eventually(() => world.broker.arrived.some(({ key }) => key === 'later'), { everyMs: 1 })
  const { rows: now } = await pool.query<{ at: number }>(
    'select extract(epoch from clock_timestamp())::float8 * 1000 as at',
  )
  const late = (now[0]?.at ?? NaN) - (rows[0]?.due ?? NaN)
  expect(late).toBeGreaterThanOrEqual(0)
  expect(late).toBeLessThan(5_000)

  expect(relays.map(({ counts }) => counts.leaseLost)).toEqual([0, 0])
  await first.kill()
  await eventually(() => second.relay.status().lanes.length === 16)
})

test('instances whose clocks are twenty minutes apart keep their partitions, and take over those of a dead one', async () => {
  await using world = await createKeyedWorld()
  const keys = Array.from({ length: 40 }, (_, index) => `k${String(index)}`)
  const fast = await world.start({ ...LEASE, clock: wrongClock(TEN_MINUTES).clock })
  await world.start({ ...LEASE, clock: wrongClock(-TEN_MINUTES).clock })
  const owners = async (): Promise<number[]> => {
    const { rows } = await world.pool.query<{ n: number }>(
      'select count(*)::int as n from waybill.partition where owner is not null group by owner',
    )
    return rows.map(({ n }) => n)
  }
  await eventually(async () => (await owners()).join() === '4,4')
  await throughout(2_500, async () => {
    await world.send(keys)
    expect(await owners()).toEqual([4, 4])
  })
  await fast.crash()
  await world.send(keys)
  await world.settled()
  expect(world.violations).toEqual([])
})

test.each([TEN_MINUTES, -TEN_MINUTES])(
  'a message that fails under a clock that is off by %i ms is due when the database says so',
  async (by) => {
    await using world = await createConsumerWorld()
    const { clock } = wrongClock(by)
    let failures = 0
    await world.consume({
      clock,
      retry: { baseMs: 2_000, maxMs: 2_000 },
      handlers: {
        'order.placed': async ({ messageId }, { tx }) => {
          if ((failures += 1) === 1) throw new Error('not yet')
          await recordEffect(messageId, tx)
        },
      },
    })
    const [id = ''] = await world.place(1)
    await eventually(async () => (await world.kept()).length === 1)
    const { rows } = await world.pool.query<{ afterMs: number }>(
      `select extract(epoch from next_attempt_at - failed_at)::float8 * 1000 as "afterMs" from waybill.failure`,
    )
    expect(rows[0]?.afterMs).toBeGreaterThan(900)
    expect(rows[0]?.afterMs).toBeLessThan(3_500)
    await eventually(async () => (await world.effects()).get(id) === 1)
  },
)
