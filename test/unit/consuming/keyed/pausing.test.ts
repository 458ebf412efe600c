import { describe, expect, it } from 'vitest'
import { memoryTransport } from '../../../../adapters/memory/index.ts'
import { createFakeClock } from '../../../support/fake-clock.ts'
import { pass, setup, type Bench, type Options } from './setup.ts'

/** The bench with an operator's word, queues that may be refused, and a list of who has joined and not left. */
function watched({ database, broker }: Bench) {
  const operator = { paused: false }
  const queues = { refused: false }
  const members = new Set<string>()
  const { failures, partitions } = database
  const transport = memoryTransport({ broker })
  const options: Options = {
    transport: {
      ...transport,
      subscribe: (subscribed) =>
        queues.refused ? Promise.reject(new Error('No such queue.')) : transport.subscribe(subscribed),
    },
    database: {
      ...database,
      failures: {
        ...failures,
        beat: async (presence) => ({ ...(await failures.beat(presence)), paused: operator.paused }),
      },
      partitions: {
        ...partitions,
        async join(member, plan, leaseMs) {
          const inForce = await partitions.join(member, plan, leaseMs)
          members.add(member.instanceId)
          return inForce
        },
        async leave(member) {
          await partitions.leave(member)
          members.delete(member.instanceId)
        },
      },
    },
  }
  return { operator, queues, members, options }
}

describe('a consumer by key that an operator stops while it subscribes again after an outage', () => {
  /** One whose database is back, and whose broker refuses its queues. */
  async function returning() {
    const clock = createFakeClock()
    const bench = setup({ clock, holdMaxMs: 1_000 })
    const { operator, queues, members, options } = watched(bench)
    const consumer = bench.instance(options)
    await consumer.start()
    bench.database.faults.goDown()
    bench.move('a', 0)
    await pass(clock, 10_000, 500)
    expect(consumer.status().state).toBe('detached')
    // It could not leave a database that is away.
    members.clear()
    queues.refused = true
    bench.database.faults.comeBack()
    await pass(clock, 40_000, 500)
    return { ...bench, consumer, clock, operator, queues, members }
  }

  it('takes no part until it may go on', async () => {
    const { consumer, queues, clock, operator, members, lists } = await returning()
    operator.paused = true
    await pass(clock, 10_000, 500)
    queues.refused = false
    await pass(clock, 40_000, 500)
    expect([lists(), members.size]).toEqual([{}, 0])
    operator.paused = false
    await pass(clock, 10_000, 500)
    expect([lists(), members.size]).toEqual([{ a: [0] }, 1])
    await consumer.stop()
  })

  it('joins once when it may go on before that succeeds', async () => {
    const { consumer, queues, clock, operator, members, lists } = await returning()
    for (const isPaused of [true, false, true, false]) {
      operator.paused = isPaused
      await pass(clock, 3_000, 500)
    }
    queues.refused = false
    await pass(clock, 40_000, 500)
    expect([lists(), members.size]).toEqual([{ a: [0] }, 1])
    await consumer.stop()
    expect([members.size, clock.pending]).toEqual([0, 0])
  })
})
