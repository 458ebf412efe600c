import type { Pool } from 'pg'
import type { DemoSchemas } from './world.ts'

/** What the databases say about a run; nothing in it is counted by the program that made the run. */
export interface Report {
  readonly orders: number
  readonly open: number
  readonly cancelled: number
  readonly pending: number
  /** Messages whose transaction committed: one for each order, reservation and refusal. */
  readonly written: number
  /** Written, and no longer in an outbox nor parked. */
  readonly published: number
  /** Messages that an inbox remembers as handled. */
  readonly handled: number
  /** Arrivals beyond the first of a message. */
  readonly duplicates: number
  /** Written, but never handled. */
  readonly lost: number
  /** Orders that were decided more than once: effects of duplicates. */
  readonly handledTwice: number
  /** Committed states of an account in which more than the limit was reserved. */
  readonly limitViolations: number
}

export async function readReport(pool: Pool, schemas: DemoSchemas): Promise<Report> {
  const { orders, credit, ordersWaybill, creditWaybill, deliveries } = schemas
  const { rows } = await pool.query<Record<string, number>>(`
    select
      (select count(*)::int from ${orders}.orders) as orders,
      (select count(*)::int from ${orders}.orders where state = 'open') as open,
      (select count(*)::int from ${orders}.orders where state = 'cancelled') as cancelled,
      (select count(*)::int from ${orders}.orders where state = 'pending') as pending,
      (select count(*)::int from ${orders}.orders where decisions > 1) as twice,
      (select count(*)::int from ${credit}.reservation) + (select count(*)::int from ${credit}.refusal) as decided,
      (select count(*)::int from ${ordersWaybill}.outbox) + (select count(*)::int from ${creditWaybill}.outbox) as waiting,
      (select count(*)::int from ${ordersWaybill}.parked) + (select count(*)::int from ${creditWaybill}.parked) as parked,
      (select count(*)::int from ${ordersWaybill}.inbox) + (select count(*)::int from ${creditWaybill}.inbox) as handled,
      (select count(*)::int - count(distinct message_id)::int from ${deliveries}) as duplicates,
      (select count(*)::int from ${credit}.account_history where reserved > credit_limit) as violations`)
  const count = (name: string): number => {
    const value = rows[0]?.[name]
    if (value === undefined) throw new Error(`The report has no count "${name}".`)
    return value
  }
  const written = count('orders') + count('decided')
  return {
    orders: count('orders'),
    open: count('open'),
    cancelled: count('cancelled'),
    pending: count('pending'),
    written,
    published: written - count('waiting') - count('parked'),
    handled: count('handled'),
    duplicates: count('duplicates'),
    lost: written - count('handled'),
    handledTwice: count('twice'),
    limitViolations: count('violations'),
  }
}

/** Whether the run kept every promise. */
export const isSound = (report: Report): boolean =>
  report.lost === 0 && report.pending === 0 && report.handledTwice === 0 && report.limitViolations === 0

export function describe(report: Report): string {
  return [
    `orders      ${String(report.orders)}: ${String(report.open)} opened, ${String(report.cancelled)} cancelled, ${String(report.pending)} undecided`,
    `messages    ${String(report.written)} written, ${String(report.published)} published, ${String(report.handled)} handled`,
    `duplicates  ${String(report.duplicates)} delivered, ${String(report.handledTwice)} handled twice`,
    `lost        ${String(report.lost)}`,
    `credit      ${String(report.limitViolations)} states over a limit`,
  ].join('\n')
}
