import { fingerprintOf } from '../inbox/fingerprint.ts'
import type { AwaitedType, KnownConsumer, NotedDigest, RememberedQuery } from './conservation-store.ts'
import type { ConsumerAudit } from './options.ts'

export const MINUTE_MS = 60_000
/** Clocks that say when a consumer began, and when a message was made, may differ by so much. */
const LEEWAY_MINUTES = 1
/** As inboxes remember consumers that never said. */
const DEFAULT_RETENTION_MS = 7 * 24 * 3_600_000

export interface Range {
  readonly fromMinute: number
  readonly untilMinute: number
}

/** What both sides still know and what has settled, as far as it is asked for; anything else is said, not guessed. */
export async function rangeOf(audit: ConsumerAudit): Promise<Range> {
  const { producer, store, known, notes, from, to, settleMs = MINUTE_MS } = audit
  const [written, taken] = [await producer.bounds(), await store.bounds()]
  const settled = settledMinute(written.nowMs, settleMs)
  const retentionMs = known.retentionMs ?? DEFAULT_RETENTION_MS
  const remembers = Math.ceil((taken.nowMs - retentionMs) / MINUTE_MS) + LEEWAY_MINUTES
  const least = Math.max(written.wholeFromMinute, remembers)
  const asked = from === undefined ? least : Math.floor(from.getTime() / MINUTE_MS)
  if (asked < least) {
    const why =
      least === remembers ? `${quoted(known)} remembers no more` : 'the history was forgotten before'
    say(notes, `Of ${quoted(known)} nothing before ${timeOf(least)} is judged: ${why}.`)
  }
  const until = to === undefined ? settled : Math.ceil(to.getTime() / MINUTE_MS)
  if (until > settled && to !== undefined) {
    say(notes, `Nothing from ${timeOf(settled)} on is judged: it has not settled yet.`)
  }
  return { fromMinute: Math.max(asked, least), untilMinute: Math.min(until, settled) }
}

function settledMinute(nowMs: number, settleMs: number): number {
  if (settleMs > 0) return Math.floor((nowMs - settleMs) / MINUTE_MS)
  return Math.ceil(nowMs / MINUTE_MS) + LEEWAY_MINUTES
}

export function awaitedOf(
  { known, types }: ConsumerAudit,
  { fromMinute, untilMinute }: Range,
): AwaitedType[] {
  if (types !== undefined) {
    return types.map((type) => ({ type, exchange: null, routingKey: null, fromMinute, untilMinute }))
  }
  return known.types.map(({ type, exchange, routingKey, sinceMs, untilMs }) => ({
    ...{ type, exchange, routingKey },
    fromMinute: Math.max(fromMinute, Math.ceil(sinceMs / MINUTE_MS) + LEEWAY_MINUTES),
    untilMinute: Math.min(
      untilMinute,
      untilMs === null ? Infinity : Math.floor(untilMs / MINUTE_MS) - LEEWAY_MINUTES,
    ),
  }))
}

/** Of sources that have a history, from the minute after its first message on: the history may have begun within that. */
export function fingerprintsOf(
  noted: readonly NotedDigest[],
  awaited: readonly AwaitedType[],
  isWhole: boolean,
): RememberedQuery['fingerprints'] {
  const begins = new Map<string, number>()
  for (const { source, minute } of noted) begins.set(source, Math.min(minute, begins.get(source) ?? Infinity))
  const types = new Map(awaited.map((one) => [one.type, one]))
  return [...begins].flatMap(([source, minute]) =>
    [...types.values()].map(({ type, fromMinute, untilMinute }) => ({
      fingerprint: fingerprintOf({ source, type }),
      fromMinute: Math.max(fromMinute, isWhole ? 0 : minute + 1),
      untilMinute,
    })),
  )
}

export const quoted = ({ consumer }: KnownConsumer): string => JSON.stringify(consumer)
export const timeOf = (minute: number): string =>
  new Date(minute * MINUTE_MS).toISOString().replace(':00.000', '')

export function say(notes: string[], note: string): void {
  if (!notes.includes(note)) notes.push(note)
}
