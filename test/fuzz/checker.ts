import type { History, WrittenMessage } from './history.ts'

/** The properties by the names under which a violation is reported. */
export type Property =
  | 'lost'
  | 'duplicated'
  | 'reordered'
  | 'published-after-rollback'
  | 'found-by-sweep-only'
  | 'without-effect'
  | 'effect-repeated'
  | 'effect-after-rollback'
  | 'effect-reordered'
  | 'kept-without-reason'

export interface Violation {
  readonly property: Property
  readonly detail: string
}

export interface Verdict {
  readonly committed: number
  readonly arrivals: number
  readonly duplicates: number
  readonly violations: readonly Violation[]
}

/**
 * Holds a finished run against the promises. `left` are the messages still in the outbox or parked.
 *
 * @param kept those that were given up, or stand behind such a one, where people can see them.
 */
export function check(
  history: History,
  left: ReadonlySet<string>,
  kept: ReadonlySet<string> = new Set(),
): Verdict {
  const first = firstArrivals(history)
  const committed = [...history.written.values()].filter(({ fate }) => fate === 'committed')
  const duplicates = history.arrivals.length - first.size
  const violations = [
    ...lost(
      committed.filter(({ messageId }) => !kept.has(messageId)),
      first,
      left,
    ),
    ...rolledBack(history, first),
    ...reordered(committed, first),
    ...duplicated(history, duplicates),
    ...sweepOnly(history),
  ]
  return { committed: committed.length, arrivals: history.arrivals.length, duplicates, violations }
}

/** Holds what a consumer has done against what was written: each committed message once, and nothing else. */
export function* checkEffects(
  history: History,
  effects: ReadonlyMap<string, number>,
  kept: ReadonlySet<string> = new Set(),
): Generator<Violation> {
  for (const message of history.written.values()) {
    const times = effects.get(message.messageId) ?? 0
    const detail = `${name(message)}: ${message.fate}, ${String(times)} effects`
    if (message.fate !== 'committed' && times > 0) yield { property: 'effect-after-rollback', detail }
    if (message.fate === 'committed' && times === 0 && !kept.has(message.messageId)) {
      yield { property: 'without-effect', detail }
    }
    if (times > 1) yield { property: 'effect-repeated', detail }
  }
}

/** Place of each message's first arrival: what a consumer with an inbox sees. */
function firstArrivals(history: History): ReadonlyMap<string, number> {
  const first = new Map<string, number>()
  history.arrivals.forEach(({ messageId }, index) => {
    if (!first.has(messageId)) first.set(messageId, index)
  })
  return first
}

function* lost(
  committed: readonly WrittenMessage[],
  first: ReadonlyMap<string, number>,
  left: ReadonlySet<string>,
): Generator<Violation> {
  for (const message of committed) {
    if (first.has(message.messageId)) continue
    const where = left.has(message.messageId) ? 'still stored, never published' : 'gone'
    yield { property: 'lost', detail: `${name(message)}: ${where}` }
  }
}

function* rolledBack(history: History, first: ReadonlyMap<string, number>): Generator<Violation> {
  for (const messageId of first.keys()) {
    const message = history.written.get(messageId)
    if (message?.fate === 'committed') continue
    const what = message ? `${name(message)}: ${message.fate}` : `${messageId}: never written`
    yield { property: 'published-after-rollback', detail: what }
  }
}

function* reordered(
  committed: readonly WrittenMessage[],
  first: ReadonlyMap<string, number>,
): Generator<Violation> {
  const latest = new Map<string, { readonly message: WrittenMessage; readonly place: number }>()
  for (const message of [...committed].sort((a, b) => a.version - b.version)) {
    const place = first.get(message.messageId)
    if (place === undefined) continue
    const before = latest.get(message.key)
    if (before && before.place > place) {
      yield { property: 'reordered', detail: `${name(message)} arrived before ${name(before.message)}` }
    }
    latest.set(message.key, { message, place })
  }
}

/** A duplicate needs a fault, and no fault can cause more of them than were in flight. */
function* duplicated(history: History, duplicates: number): Generator<Violation> {
  const allowed = history.faults.reduce((sum, { inFlight }) => sum + inFlight, 0)
  if (duplicates > allowed) {
    yield {
      property: 'duplicated',
      detail: `${String(duplicates)} duplicates, faults explain ${String(allowed)}`,
    }
  }
}

function* sweepOnly(history: History): Generator<Violation> {
  const found = history.coverage.get('sweep found') ?? 0
  if (found > 0) yield { property: 'found-by-sweep-only', detail: `${String(found)} records` }
}

const name = (message: WrittenMessage): string =>
  `${message.key} version ${String(message.version)} (${message.messageId})`
