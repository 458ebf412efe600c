import type {
  AwaitedType,
  ConservationStore,
  KnownConsumer,
  RememberedQuery,
  WaitingState,
} from '../../src/ports.ts'
import { changesOn } from './dead-letters/changes.ts'
import { explainMissingSchema } from './error-code.ts'
import { identifier } from './identifier.ts'
import { readCommitted } from './read-committed.ts'
import type { SqlExecutor, SqlPool, SqlRows, SqlText } from './sql-executor.ts'
import {
  bounds,
  consumedTypes,
  findNoted,
  findRemembered,
  findStillThere,
  lockWritingAgain,
  notedDigests,
  notedIn,
  rememberedDigests,
  rememberedIds,
  writeAgain,
} from './statements/conservation.ts'
import { HISTORY_LEAVES } from './statements/history-leaves.ts'

const MINUTE_MS = 60_000

/** What one schema knows of messages written and taken. Keeps no session state. */
export function createConservationStore(
  pool: SqlPool,
  options: { readonly schema: string },
): ConservationStore {
  const schema = identifier(options.schema)
  const plain = readCommitted(pool)
  const explained = async <Result>(work: Promise<Result>): Promise<Result> => {
    try {
      return await work
    } catch (error) {
      throw explainMissingSchema(error, options.schema)
    }
  }
  const database: SqlExecutor = { query: (text, values) => explained(plain.query(text, values)) }
  return {
    ...ofWriters(database, schema),
    ...ofConsumers(database, schema),
    async writeAgain(messages, event) {
      const ids = messages.map(({ messageId }) => messageId)
      const minutes = [...new Set(messages.map(({ minute }) => minute))]
      const work = pool.transaction(async (transaction) => {
        await transaction.query(lockWritingAgain(schema), [options.schema])
        const written = await transaction.query(writeAgain(schema), [ids, minutes])
        const details = { ...event.details, written: written.length }
        await changesOn(transaction, schema, options.schema).note([{ ...event, details }])
        return written.length
      })
      return explained(work)
    },
  }
}

type OfWriters = Pick<ConservationStore, 'bounds' | 'noted' | 'notedIn' | 'findNoted' | 'findWaiting'>

function ofWriters(database: SqlExecutor, schema: string): OfWriters {
  return {
    async bounds() {
      const [row = []] = await database.query(bounds(schema))
      return { nowMs: Number(row[0]), wholeFromMinute: Number(row[1]) }
    },
    async noted({ awaited, fromMinute, untilMinute }) {
      const rows = await database.query(notedDigests(schema), [...listsOf(awaited), fromMinute, untilMinute])
      return rows.map(([minute, source, type, state, stray, count, sum]) => ({
        ...{ minute: Number(minute), source: source ?? '', type: type ?? '' },
        ...{ state: (state ?? null) as WaitingState | null, stray: stray === 't' },
        ...{ count: Number(count), sum: BigInt(sum ?? 0) },
      }))
    },
    async notedIn(minute, awaited) {
      const leaf = Math.floor(minute / 60) % HISTORY_LEAVES
      const rows = await database.query(notedIn(schema), [...listsOf(awaited), minute, leaf])
      return rows.map(([messageId, type]) => ({ messageId: messageId ?? '', type: type ?? '', minute }))
    },
    async findNoted(messageIds) {
      const minutes = [...new Set(messageIds.map(minuteOf))]
      const found = idsOf(await database.query(findNoted(schema), [messageIds, minutes]))
      const others = messageIds.filter((id) => !found.has(id))
      if (others.length === 0) return found
      // Of a clock or a caller that is wrong: they may stand anywhere.
      return new Set([...found, ...idsOf(await database.query(findNoted(schema), [others, null]))])
    },
    async findWaiting(messageIds) {
      const rows = await database.query(findStillThere(schema), [messageIds])
      return new Map(rows.map(([id, state]) => [id ?? '', state as WaitingState]))
    },
  }
}

type OfConsumers = Pick<ConservationStore, 'consumers' | 'remembered' | 'rememberedIn' | 'findRemembered'>

function ofConsumers(database: SqlExecutor, schema: string): OfConsumers {
  return {
    consumers: async () => knownOf(await database.query(consumedTypes(schema))),
    async remembered(query) {
      const rows = await database.query(rememberedDigests(schema), valuesOf(query))
      return rows.map(([minute, count, sum]) => ({
        ...{ minute: Number(minute), count: Number(count), sum: BigInt(sum ?? 0) },
      }))
    },
    async rememberedIn(query) {
      return [...idsOf(await database.query(rememberedIds(schema), valuesOf(query)))]
    },
    async findRemembered(consumer, messageIds) {
      return idsOf(await database.query(findRemembered(schema), [consumer, messageIds]))
    },
  }
}

function listsOf(awaited: readonly AwaitedType[]): unknown[] {
  return [
    ...(['type', 'exchange', 'routingKey', 'fromMinute', 'untilMinute'] as const).map((name) =>
      awaited.map((one) => one[name]),
    ),
  ]
}

function valuesOf({ consumer, fromMinute, untilMinute, fingerprints }: RememberedQuery): unknown[] {
  const lists = (['fingerprint', 'fromMinute', 'untilMinute'] as const).map((name) =>
    fingerprints.map((one) => one[name]),
  )
  return [consumer, firstId(fromMinute), firstId(untilMinute), ...lists]
}

/** No id of the minute or of a later one is less. */
function firstId(minute: number): string {
  const hex = (minute * MINUTE_MS).toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`
}

function minuteOf(messageId: string): number {
  const minute = Math.floor(Number.parseInt(messageId.slice(0, 8) + messageId.slice(9, 13), 16) / MINUTE_MS)
  return Math.min(minute, 2_147_483_647)
}

function idsOf(rows: SqlRows): Set<string> {
  return new Set(rows.map(([id]) => id ?? ''))
}

function knownOf(rows: SqlRows): readonly KnownConsumer[] {
  const known = new Map<string, KnownConsumer & { readonly types: KnownConsumer['types'][number][] }>()
  for (const [consumer, retention, type, exchange, routingKey, queue, since, until, partitions] of rows) {
    const name = consumer ?? ''
    const one = known.get(name) ?? {
      ...{ consumer: name, types: [] },
      ...{ retentionMs: numberOf(retention), partitions: numberOf(partitions) },
    }
    known.set(name, one)
    if (type === null || type === undefined) continue
    const times = {
      sinceMs: Number(since),
      untilMs: numberOf(until),
    }
    one.types.push({
      type,
      exchange: exchange ?? '',
      routingKey: routingKey ?? '',
      queue: queue ?? '',
      ...times,
    })
  }
  return [...known.values()]
}

function numberOf(text: SqlText | undefined): number | null {
  return text === null || text === undefined ? null : Number(text)
}
