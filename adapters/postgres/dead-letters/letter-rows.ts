import type {
  Attempt,
  DeadLetter,
  DeadLetterDetails,
  Direction,
  LetterState,
  LockedLetter,
  Placed,
  WaitingMessage,
} from '../../../src/ports.ts'
import type { SqlText } from '../sql-executor.ts'
import { LETTER_WIDTH } from '../statements/dead-letters/letter-columns.ts'

export type Row = readonly SqlText[]

/** A row of `LETTER_COLUMNS`. */
export function letterOf(row: Row): DeadLetter {
  const text = (column: number): string => row[column] ?? ''
  const some = (column: number): string | null => row[column] ?? null
  return {
    id: `${text(0)}-${text(1)}`,
    direction: text(0) as Direction,
    state: text(2) as LetterState,
    revision: Number(row[3]),
    consumer: some(4),
    messageId: text(5),
    type: text(6),
    version: Number(row[7]),
    key: some(8),
    source: some(9),
    exchange: text(10),
    routingKey: text(11),
    correlationId: some(12),
    causationId: some(13),
    reason: text(14),
    errorType: some(15),
    errorMessage: some(16),
    fingerprint: some(17),
    attempts: Number(row[18]),
    crashes: Number(row[19]),
    replays: Number(row[20]),
    uncertain: row[21] === 't',
    blocking: row[22] === 't',
    editedFrom: typeof row[23] !== 'string' ? null : `${text(0)}-${row[23]}`,
    createdAt: timeOf(row[24]),
    receivedAt: knownTime(row[25]),
    failedAt: knownTime(row[26]),
    nextAttemptAt: timeOf(row[27]),
    endedAt: timeOf(row[28]),
  }
}

/** A row of `readLetter`; what waits is counted apart. */
export function detailsOf(row: Row): Omit<DeadLetterDetails, 'waiting'> {
  const [headers, contentType, bytes, errorStack, errorFrame] = row.slice(LETTER_WIDTH)
  return {
    ...letterOf(row),
    headers: headersOf(headers ?? '{}'),
    contentType: contentType ?? '',
    payloadBytes: Number(bytes),
    errorStack: errorStack ?? null,
    errorFrame: errorFrame ?? null,
  }
}

/** What cannot be read must not keep the rest from being shown. */
function headersOf(text: string): Record<string, string> {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return {}
  }
  if (typeof parsed !== 'object' || parsed === null) return {}
  return Object.fromEntries(
    Object.entries(parsed).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])),
  )
}

/** A row of the statements that lock. */
export function lockedOf(row: Row): LockedLetter {
  const [direction = '', number = '', state = '', revision, replays, consumer = null, messageId, type] = row
  return {
    id: `${direction ?? ''}-${number ?? ''}`,
    ref: { direction: direction as Direction, number: Number(number) },
    state: state as LetterState,
    revision: Number(revision),
    replays: Number(replays),
    consumer,
    messageId: messageId ?? '',
    type: type ?? '',
    uncertain: row[8] === 't',
    hasReleased: row[9] === 't',
    sealed: row[10] === 't',
    headers: headersOf(row[11] ?? ''),
  }
}

export function attemptOf(row: Row): Placed<Attempt> {
  const [id, outcome, replay, host = null, duration, endedAt, errorType, errorMessage, errorStack, traceId] =
    row
  const item: Attempt = {
    outcome: outcome as Attempt['outcome'],
    replay: replay === 't',
    host,
    durationMs: typeof duration !== 'string' ? null : Number(duration),
    endedAt: knownTime(endedAt),
    traceId: traceId ?? null,
    errorType: errorType ?? null,
    errorMessage: errorMessage ?? null,
    errorStack: errorStack ?? null,
  }
  return { item, place: [Number(id)] }
}

export function waitingOf([place, letterId = null, messageId, type, since]: Row): Placed<WaitingMessage> {
  const item = { letterId, messageId: messageId ?? '', type: type ?? '', since: knownTime(since) }
  return { item, place: [Number(place)] }
}

/** Null also for years that nobody can mean. */
export function timeOf(text: SqlText | undefined): Date | null {
  const time = new Date(text ?? Number.NaN)
  return Number.isNaN(time.getTime()) ? null : time
}

export function knownTime(text: SqlText | undefined): Date {
  return new Date(text ?? 0)
}
