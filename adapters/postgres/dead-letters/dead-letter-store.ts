import { MOST_COUNTED, type DeadLetterStore, type Forgotten } from '../../../src/ports.ts'
import { classifyPostgresError } from '../classify.ts'
import { explainMissingSchema } from '../error-code.ts'
import { identifier } from '../identifier.ts'
import { readCommitted } from '../read-committed.ts'
import type { SqlExecutor, SqlPool, SqlRows } from '../sql-executor.ts'
import { countChosen, listBulk, listItems, previewBulk, readBulk } from '../statements/dead-letters/bulk.ts'
import { BEGIN_CHANGE } from '../statements/dead-letters/change-letters.ts'
import { LETTER_WIDTH } from '../statements/dead-letters/letter-columns.ts'
import {
  countLetters,
  groupLetters,
  listLetters,
  type Query,
} from '../statements/dead-letters/list-letters.ts'
import {
  findByOriginalId,
  findConversation,
  findMessage,
  isShort,
  MOST_LOOKED,
  MOST_READ,
} from '../statements/dead-letters/messages.ts'
import {
  readAttempts,
  readLetter,
  readPayload,
  waitingFailures,
  waitingRecords,
} from '../statements/dead-letters/read-letter.ts'
import { listEvents } from '../statements/dead-letters/record-change.ts'
import {
  forgetEnded,
  forgetKeys,
  listConsumers,
  listPauses,
  listRelays,
  readStats,
  readWishes,
} from '../statements/dead-letters/services.ts'
import { itemOf, operationOf, previewOf } from './bulk-rows.ts'
import { changesOn } from './changes.ts'
import { attemptOf, detailsOf, knownTime, letterOf, waitingOf, type Row } from './letter-rows.ts'
import { consumerOf, eventOf, pauseOf, placeOf, relayOf, spokenOf, statsOf, totalOf } from './views.ts'

/** The dead letters of one schema. Keeps no session state; each call may use another connection. */
export function createDeadLetterStore(pool: SqlPool, options: { readonly schema: string }): DeadLetterStore {
  const schema = identifier(options.schema)
  const plain = readCommitted(pool)
  const database: SqlExecutor = {
    async query(text, values) {
      try {
        return await plain.query(text, values)
      } catch (error) {
        throw explainMissingSchema(error, options.schema)
      }
    },
  }
  return {
    ...letterViews(database, schema),
    ...bulkViews(database, schema),
    ...serviceViews(database, schema),
    ...messageViews(database, schema),
    async change(work) {
      try {
        return await inTransaction(pool, (executor) => work(changesOn(executor, schema, options.schema)))
      } catch (error) {
        throw explainMissingSchema(error, options.schema)
      }
    },
  }
}

const MOST_TRIES = 3

/** Two operators may lock the same rows and keys, and the server ends one of them: it is run again. */
async function inTransaction<Result>(
  pool: SqlPool,
  work: (executor: SqlExecutor) => Promise<Result>,
): Promise<Result> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await pool.transaction(async (executor) => {
        await executor.query(BEGIN_CHANGE)
        return work(executor)
      })
    } catch (error) {
      if (tries === MOST_TRIES || classifyPostgresError(error) !== 'transient') throw error
    }
  }
}

function ask(database: SqlExecutor, { text, values }: Query): Promise<SqlRows> {
  return database.query(text, values)
}

type LetterViews = Pick<
  DeadLetterStore,
  'list' | 'count' | 'groups' | 'read' | 'payload' | 'attempts' | 'waiting'
>

function letterViews(database: SqlExecutor, schema: string): LetterViews {
  const waiting: DeadLetterStore['waiting'] = async ({ direction, number }, { after, limit }) => {
    const values = [number, after?.[0] ?? null, limit]
    const rows =
      direction === 'in'
        ? await database.query(waitingFailures(schema), values)
        : await database.query(waitingRecords(schema), [...values, MOST_COUNTED])
    return rows.map(waitingOf)
  }
  return {
    async list(filter, cut) {
      const rows = await ask(database, listLetters(schema, filter, cut))
      return rows.map((row) => {
        const [direction = '', number] = row
        return { item: letterOf(row), place: [row[LETTER_WIDTH] ?? '', Number(number), direction ?? ''] }
      })
    },
    async count(filter) {
      const [row] = await ask(database, countLetters(schema, filter, MOST_COUNTED))
      return totalOf(row?.[0])
    },
    async groups(filter, cut) {
      return (await ask(database, groupLetters(schema, filter, cut))).map(groupOf)
    },
    async read(ref) {
      const [row] = await database.query(readLetter(schema), [ref.direction, ref.number])
      if (row === undefined) return null
      const behind = await waiting(ref, { after: null, limit: MOST_COUNTED + 1 })
      return { ...detailsOf(row), waiting: totalOf(String(behind.length)) }
    },
    async payload({ direction, number }) {
      const [row] = await database.query(readPayload(schema), [direction, number])
      if (row === undefined) return null
      const [contentType, payload, sealed] = row
      return {
        contentType: contentType ?? '',
        bytes: Buffer.from(payload ?? '', 'hex'),
        sealed: sealed === 't',
      }
    },
    async attempts({ direction, number }, { after, limit }) {
      if (direction === 'out') return []
      const rows = await database.query(readAttempts(schema), [number, after?.[0] ?? null, limit])
      return rows.map(attemptOf)
    },
    waiting,
  }
}

type Group = Awaited<ReturnType<DeadLetterStore['groups']>>[number]

function groupOf(row: Row): Group {
  const example = letterOf(row)
  const [count, first, last] = row.slice(LETTER_WIDTH)
  const { fingerprint, consumer, type, reason, errorType } = example
  const times = { firstFailedAt: knownTime(first), lastFailedAt: knownTime(last) }
  const item = { fingerprint, count: Number(count), consumer, type, reason, errorType, ...times, example }
  return { item, place: [item.count, fingerprint ?? ''] }
}

type BulkViews = Pick<DeadLetterStore, 'preview' | 'bulkOperations' | 'bulkOperation' | 'bulkItems'>

function bulkViews(database: SqlExecutor, schema: string): BulkViews {
  return {
    async preview(choice, most) {
      const rows = await ask(database, previewBulk(schema, choice, most))
      const [found] = await ask(database, countChosen(schema, choice, most + 1))
      return previewOf(rows, Number(found?.[0]), most)
    },
    async bulkOperations({ after, limit }) {
      const rows = await database.query(listBulk(schema), [after?.[0] ?? null, limit])
      return rows.map((row) => ({ item: operationOf(row), place: [Number(row[0])] }))
    },
    async bulkOperation(number) {
      const [row] = await database.query(readBulk(schema), [number])
      return row === undefined ? null : operationOf(row)
    },
    async bulkItems(number, { after, limit }) {
      const rows = await database.query(listItems(schema), [number, after?.[0] ?? null, limit])
      return rows.map(itemOf)
    },
  }
}

type ServiceViews = Pick<
  DeadLetterStore,
  'audit' | 'consumers' | 'relays' | 'pauses' | 'stats' | 'wishes' | 'forget'
>

function serviceViews(database: SqlExecutor, schema: string): ServiceViews {
  const pauses: DeadLetterStore['pauses'] = async () =>
    (await database.query(listPauses(schema))).flatMap(([json]) => pauseOf(json) ?? [])
  return {
    async audit(filter, cut) {
      return (await ask(database, listEvents(schema, filter, cut))).map(eventOf)
    },
    consumers: async () => (await database.query(listConsumers(schema), [MOST_COUNTED])).map(consumerOf),
    relays: async () => (await database.query(listRelays(schema))).map(relayOf),
    pauses,
    async stats() {
      const [row = []] = await database.query(readStats(schema), [MOST_COUNTED])
      return statsOf(row, await pauses())
    },
    async wishes(host) {
      const [row = []] = await database.query(readWishes(schema), [host])
      return { paused: row[0] === 't', bulkDue: row[1] === 't' }
    },
    async forget(olderThanMs) {
      const forgotten: Forgotten[] = []
      for (const [table, text] of Object.entries(forgetEnded(schema))) {
        forgotten.push({ table, rows: countOf(await database.query(text, [olderThanMs])) })
      }
      const keys = countOf(await database.query(forgetKeys(schema)))
      return [...forgotten, { table: 'idempotency_key', rows: keys }]
    },
  }
}

function countOf(rows: SqlRows): number {
  return Number(rows[0]?.[0])
}

type MessageViews = Pick<DeadLetterStore, 'message' | 'conversation'>

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

function messageViews(database: SqlExecutor, schema: string): MessageViews {
  const isComplete = async (most: number): Promise<boolean> =>
    (await database.query(isShort(schema), [most]))[0]?.[0] === 't'
  return {
    async message(messageId) {
      if (!UUID.test(messageId)) {
        const rows = await database.query(findByOriginalId(schema), [messageId])
        return { messageId, places: rows.map(placeOf), isComplete: true }
      }
      const places = (await database.query(findMessage(schema), [messageId])).map(placeOf)
      return { messageId, places, isComplete: await isComplete(MOST_LOOKED) }
    },
    async conversation(correlationId) {
      const rows = await database.query(findConversation(schema), [correlationId])
      return { correlationId, messages: rows.map(spokenOf), isComplete: await isComplete(MOST_READ) }
    },
  }
}
