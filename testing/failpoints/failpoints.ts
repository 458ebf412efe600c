import { systemClock } from '../../src/ports.ts'
import type { Failpoints, FailpointsOptions } from './failpoint.ts'
import { faultyDatabase } from './faulty-database.ts'
import { faultyTransport } from './faulty-transport.ts'
import { createInstance } from './instance.ts'
import { createPoints } from './points.ts'

/**
 * Makes faults for a test: wraps the database and the transport of a service, and lets happen at their seams what a test arms.
 *
 * @example
 * ```ts
 * const faults = failpoints()
 * await using consumer = testConsumer({
 *   messages,
 *   database: faults.database(database),
 *   handlers: { 'order.placed': issueInvoice },
 * })
 * const crash = faults.arm('crash-before-commit')
 * await consumer.deliver({ type: 'order.placed', payload: { orderId: 'o-1', total: 20 } })
 * crash.assertFired()
 * // What the handler did outside of its transaction was done twice.
 * ```
 */
export function failpoints(options: FailpointsOptions = {}): Failpoints {
  const wrapped = new Set<'database' | 'transport'>()
  const points = createPoints((seam) => wrapped.has(seam))
  const instance = createInstance(points, options.clock ?? systemClock)
  return {
    database(database) {
      wrapped.add('database')
      return faultyDatabase(database, instance)
    },
    transport(transport) {
      wrapped.add('transport')
      return faultyTransport(transport, instance)
    },
    arm: (name, ...given) => points.arm(name, ...given),
    disarm: () => {
      points.disarm()
    },
    assertFired: () => {
      points.assertFired()
    },
  }
}
