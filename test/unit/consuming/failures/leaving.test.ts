import { expect, test } from 'vitest'
import type { Database } from '../../../../src/index.ts'
import type { MemoryTransaction } from '../../../../adapters/memory/index.ts'
import { createFakeClock } from '../../../support/fake-clock.ts'
import { pass, setup, type Bench } from '../keyed/setup.ts'
import { createGate, turns, type Gate } from '../setup.ts'

interface Slow {
  readonly database: Database<MemoryTransaction>
  /** What the database was asked for, and when it was done. */
  readonly calls: string[]
  readonly gate: Gate
}

/** The bench's database, in which claims of that kind are done once the gate is open. */
function slowFor(bench: Bench, slow: string): Slow {
  const calls: string[] = []
  const gate = createGate()
  const { failures } = bench.database
  return {
    calls,
    gate,
    database: {
      ...bench.database,
      failures: {
        ...failures,
        async claim(request) {
          calls.push(request.kind)
          if (request.kind === slow) await gate.passed
          const claims = await failures.claim(request)
          calls.push(`${request.kind}: ${String(claims.length)}`)
          return claims
        },
        async leave(by) {
          await failures.leave(by)
          calls.push('left')
        },
      },
    },
  }
}

/** One message has failed and is due; then an instance on a slow database begins to claim it. */
async function claiming(slow: string): Promise<Slow & { readonly bench: Bench; stop(): Promise<void> }> {
  const clock = createFakeClock()
  const bench = setup({ clock, concurrency: 4, breaker: false })
  const outOfStock = (): never => {
    throw new Error('out of stock')
  }
  const first = bench.instance({ handlers: { 'stock.moved': outOfStock } })
  await first.start()
  bench.move('a', 0)
  await turns()
  await first.stop()
  await clock.advance(60_000)
  const self = slowFor(bench, slow)
  const consumer = bench.instance({ database: self.database })
  await consumer.start()
  for (let waited = 0; self.calls.at(-1) !== slow && waited < 60; waited += 1) await pass(clock, 1_000, 1_000)
  expect(self.calls.at(-1)).toBe(slow)
  return {
    ...self,
    bench,
    async stop() {
      const stopped = consumer.stop()
      await turns()
      self.gate.open()
      await stopped
      await turns()
    },
  }
}

test('a stop between two claims ends them: none is made for an instance that has left', async () => {
  const { stop, calls, bench } = await claiming('suspects')
  await stop()
  expect(calls.slice(-3)).toEqual(['suspects', 'suspects: 0', 'left'])
  expect(bench.database.keptFailures()).toMatchObject([{ state: 'retry', holder: null, crashes: 0 }])
})

test('an instance leaves after the claim that was on its way, and what came of it is free for others', async () => {
  const { stop, calls, bench } = await claiming('sound')
  await stop()
  expect(calls.slice(-3)).toEqual(['sound', 'sound: 1', 'left'])
  expect(bench.database.keptFailures()).toMatchObject([{ state: 'retry', holder: null, crashes: 0 }])
  expect(bench.lists()).toEqual({})
})
