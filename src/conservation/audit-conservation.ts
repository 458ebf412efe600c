import { WaybillError } from '../errors.ts'
import { expectedOf, minutesToLookAt, waitingOf } from './compare.ts'
import type { AwaitedType, ConservationStore, KnownConsumer, NotedMessage } from './conservation-store.ts'
import { lookAtMinute, type Differences } from './look-at-minute.ts'
import type { AuditedDatabase, ConservationOptions, ConsumerAudit } from './options.ts'
import { awaitedOf, fingerprintsOf, MINUTE_MS, quoted, rangeOf, say, timeOf } from './range.ts'
import type { ConservationReport, ConsumerConservation } from './report.ts'

/**
 * Holds what consumers remember to what was written, in minutes: first by digests that the databases compute, then, where
 * these differ, by ids. The producer is read first and the consumer later, and each gap is looked for again before it is
 * named, so that what is on its way into an inbox is not called one.
 *
 * @throws WaybillError WAYBILL_UNSUPPORTED, WAYBILL_NOT_FOUND, WAYBILL_OPTION_INVALID
 */
export async function auditConservation(options: ConservationOptions): Promise<ConservationReport> {
  const producer = storeOf(options.producer)
  const consumers: ConsumerConservation[] = []
  const notes: string[] = []
  const wanted = new Set(options.only ?? [])
  for (const database of options.consumers) {
    const store = storeOf(database)
    for (const known of await chosen(store, options)) {
      wanted.delete(known.consumer)
      const audit = { ...options, producer, store, known, notes }
      const one = await auditConsumer(audit)
      if (one !== null) consumers.push(one)
    }
  }
  if (wanted.size > 0) throw unknownConsumers(wanted)
  return { consumers, notes }
}

function storeOf({ conservation }: AuditedDatabase): ConservationStore {
  if (conservation !== undefined) return conservation
  throw new WaybillError('WAYBILL_UNSUPPORTED', {
    problem: 'This database keeps no history to be audited.',
    remedy: 'Use pgDatabase(pool) or knexDatabase(knex).',
  })
}

/** With `types` and one database also one that has said nothing, such as one of `createInbox`. */
async function chosen(
  store: ConservationStore,
  { only, types, consumers }: ConservationOptions,
): Promise<readonly KnownConsumer[]> {
  const known = await store.consumers()
  if (only === undefined) return known
  const silent =
    types === undefined || consumers.length > 1
      ? []
      : only.filter((name) => !known.some(({ consumer }) => consumer === name))
  return [
    ...known.filter(({ consumer }) => only.includes(consumer)),
    ...silent.map((consumer) => ({ consumer, retentionMs: null, partitions: null, types: [] })),
  ]
}

/** Null when there is nothing to be judged, which the notes then say. */
async function auditConsumer(audit: ConsumerAudit): Promise<ConsumerConservation | null> {
  const { producer, store, known, notes, most = 1000, isWhole = false } = audit
  const range = await rangeOf(audit)
  const awaited = awaitedOf(audit, range)
  const noted = awaited.length === 0 ? [] : await producer.noted({ awaited, ...range })
  const begin = Math.min(...noted.map(({ minute }) => minute))
  if (begin === Infinity) {
    say(notes, nothingOf(known, awaited))
    return null
  }
  if (audit.from !== undefined && begin > range.fromMinute) {
    say(notes, `The history has nothing for ${quoted(known)} before ${timeOf(begin)}.`)
  }
  const fingerprints = fingerprintsOf(noted, awaited, isWhole)
  const query = { consumer: known.consumer, ...range, fingerprints }
  const remembered = await store.remembered(query)
  const found = { missing: createList<NotedMessage>(most), unexpected: createList<Unexpected>(most) }
  for (const minute of minutesToLookAt(noted, remembered)) {
    const differences = await lookAtMinute({ producer, store, awaited, query, minute })
    addTo(found, differences, minute)
    if (differences.missing.length > 0) audit.onMissing?.(known.consumer, differences.missing)
  }
  // What was forgotten while all this was read would look as if it had never been written.
  const { wholeFromMinute } = await producer.bounds()
  if (wholeFromMinute > range.fromMinute) return auditConsumer(audit)
  return {
    consumer: known.consumer,
    queues: queuesOf(known),
    from: new Date(begin * MINUTE_MS),
    to: new Date(range.untilMinute * MINUTE_MS),
    expected: expectedOf(noted),
    missing: found.missing.list(),
    waiting: waitingOf(noted),
    unexpected: found.unexpected.list(),
  }
}

function queuesOf({ types, partitions }: KnownConsumer): string[] {
  const names = [...new Set(types.map(({ queue }) => queue))]
  if (partitions === null) return names
  return names.flatMap((name) => Array.from({ length: partitions }, (_, n) => `${name}.${String(n)}`))
}

function nothingOf(known: KnownConsumer, awaited: readonly AwaitedType[]): string {
  return awaited.length === 0
    ? `Nothing is judged of ${quoted(known)}: it has not said which types it takes.`
    : `Nothing is judged of ${quoted(known)}: the history has nothing of what it takes in this range.`
}

type Unexpected = ConsumerConservation['unexpected']['messages'][number]

interface Found {
  readonly missing: List<NotedMessage>
  readonly unexpected: List<Unexpected>
}

function addTo({ missing, unexpected }: Found, found: Differences, minute: number): void {
  for (const message of found.missing) missing.add(message)
  for (const messageId of found.unexpected) unexpected.add({ messageId, minute })
}

interface List<Message> {
  add(message: Message): void
  list(): { readonly count: number; readonly messages: readonly Message[] }
}

function createList<Message>(most: number): List<Message> {
  const messages: Message[] = []
  let count = 0
  return {
    add(message) {
      count += 1
      if (messages.length < most) messages.push(message)
    },
    list: () => ({ count, messages }),
  }
}

function unknownConsumers(names: ReadonlySet<string>): WaybillError {
  return new WaybillError('WAYBILL_NOT_FOUND', {
    problem: `Nothing is known of consumer ${[...names].map((name) => JSON.stringify(name)).join(', ')}.`,
    remedy: 'Name the database in which it remembers what it has handled, or give its types.',
  })
}
