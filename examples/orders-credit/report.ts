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
  /** Messages that an inbox remembers, without those that are kept because they failed. */
  readonly handled: number
  /** Arrivals beyond the first of a message. */
  readonly duplicates: number
  /** Messages that were given up on, also those that were replayed since. */
  readonly deadLetters: number
  /** Dead letters that were handled when they were replayed. */
  readonly replayed: number
  /** Written, and neither handled nor kept anywhere; meaningful when nothing is on its way. */
  readonly lost: number
  /** Orders that were decided more than once: effects of duplicates. */
  readonly handledTwice: number
  /** Committed states of an account in which more than the limit was reserved. */
  readonly limitViolations: number
}

export async function readReport(pool: Pool, schemas: DemoSchemas): Promise<Report> {
  const { orders, credit, ordersWaybill, creditWaybill, deliveries } = schemas
  const both = (table: string, condition = 'true'): string =>
    [ordersWaybill, creditWaybill]
      .map((schema) => `(select count(*)::int from ${schema}.${table} where ${condition})`)
      .join(' + ')
  // One statement, so that all of it is of one moment.
  const { rows } = await pool.query<Record<string, number>>(`
    select
      (select count(*)::int from ${orders}.orders) as orders,
      (select count(*)::int from ${orders}.orders where state = 'open') as open,
      (select count(*)::int from ${orders}.orders where state = 'cancelled') as cancelled,
      (select count(*)::int from ${orders}.orders where state = 'pending') as pending,
      (select count(*)::int from ${orders}.orders where decisions > 1) as twice,
      (select count(*)::int from ${credit}.reservation) + (select count(*)::int from ${credit}.refusal) as decided,
      ${both('outbox')} as waiting,
      ${both('parked')} as parked,
      ${both('inbox')} as remembered,
      ${both('failure', "state <> 'resolved'")} as kept,
      ${both('failure', "state in ('dead', 'discarded') or replays > 0")} as died,
      ${both('failure', "state = 'resolved' and replays > 0")} as replayed,
      (select count(*)::int - count(distinct message_id)::int from ${deliveries}) as duplicates,
      (select count(*)::int from ${credit}.account_history where reserved > coalesce(credit_limit, 0)) as violations`)
  const count = (name: string): number => {
    const value = rows[0]?.[name]
    if (value === undefined) throw new Error(`The report has no count "${name}".`)
    return value
  }
  const written = count('orders') + count('decided')
  const published = written - count('waiting') - count('parked')
  const handled = count('remembered') - count('kept')
  return {
    orders: count('orders'),
    open: count('open'),
    cancelled: count('cancelled'),
    pending: count('pending'),
    written,
    published,
    handled,
    duplicates: count('duplicates'),
    deadLetters: count('died'),
    replayed: count('replayed'),
    lost: published - count('remembered'),
    handledTwice: count('twice'),
    limitViolations: count('violations'),
  }
}

/** Dead letters that nobody has replayed with success. */
export const deadNow = (report: Report): number => report.deadLetters - report.replayed

/** Whether the run kept every promise. */
export const isSound = (report: Report): boolean =>
  report.handled === report.written &&
  report.pending === 0 &&
  report.lost === 0 &&
  deadNow(report) === 0 &&
  report.handledTwice === 0 &&
  report.limitViolations === 0

export function describe(report: Report): string {
  return [
    `orders        ${String(report.orders)}: ${String(report.open)} opened, ${String(report.cancelled)} cancelled, ${String(report.pending)} undecided`,
    `messages      ${String(report.written)} written, ${String(report.published)} published, ${String(report.handled)} handled`,
    `duplicates    ${String(report.duplicates)} delivered, ${String(report.handledTwice)} handled twice`,
    `dead letters  ${String(report.deadLetters)}, ${String(report.replayed)} of them handled by a replay`,
    `lost          ${String(report.lost)}`,
    `credit        ${String(report.limitViolations)} states over a limit`,
  ].join('\n')
}
