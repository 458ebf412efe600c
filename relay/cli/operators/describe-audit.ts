import type { ConservationReport, ConsumerConservation } from '../../../src/ports.ts'
import { table } from './table.ts'

/** What `--replay` came to; `written` is null when nothing was done. */
export interface Replay {
  readonly missing: number
  readonly written: number | null
}

/** What `waybill audit --json` prints; fields are only ever added. */
export interface AuditReport extends ConservationReport {
  /** Messages that wait in each queue of those that miss some. Null: not asked. */
  readonly queued: Readonly<Record<string, number>> | null
  readonly replay: Replay | null
}

const MINUTE_MS = 60_000

export function describeReport({ consumers, notes, queued, replay }: AuditReport): string {
  return [
    ...consumers.map(describeConsumer),
    ...Object.entries(queued ?? {})
      .filter(([, messages]) => messages > 0)
      .map(([queue, messages]) => `${messages} wait in queue ${queue}; they count as missing.\n`),
    ...(queued === null && isAnythingMissing(consumers) ? [UNASKED] : []),
    ...notes.map((note) => `${note}\n`),
    ...(replay === null ? [] : [describeReplay(replay)]),
  ].join('')
}

const UNASKED =
  'What waits in the queues counts as missing; set WAYBILL_AMQP_URL to be told how much that is.\n'

function isAnythingMissing(consumers: readonly ConsumerConservation[]): boolean {
  return consumers.some(({ missing }) => missing.count > 0)
}

function describeConsumer(one: ConsumerConservation): string {
  const { consumer, from, to, expected, missing, waiting, unexpected } = one
  const states = Object.entries(waiting).filter(([, count]) => count > 0)
  const kept = states.map(([state, count]) => `${count} ${state}`).join(', ')
  const rows = [
    ...missing.messages.map(({ messageId, type, minute }) => ['missing', messageId, type, timeOf(minute)]),
    ...unexpected.messages.map(({ messageId, minute }) => ['unexpected', messageId, '', timeOf(minute)]),
  ]
  const left = missing.count + unexpected.count - rows.length
  return [
    `${consumer}, ${from.toISOString()} to ${to.toISOString()}: ${expected} published, ${missing.count} missing, `,
    `${unexpected.count} unexpected${kept === '' ? '' : `; not published: ${kept}`}.\n`,
    ...(rows.length > 0 ? [table(['', 'MESSAGE', 'TYPE', 'MINUTE'], rows)] : []),
    ...(left > 0 ? [`And ${left} more.\n`] : []),
  ].join('')
}

const timeOf = (minute: number): string => new Date(minute * MINUTE_MS).toISOString()

function describeReplay({ missing, written }: Replay): string {
  if (written === null) return `It would write ${missing} again. Nothing was done: add --yes.\n`
  return `${written} of ${missing} were written again; relays publish them now.\n`
}
