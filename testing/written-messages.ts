import type { Catalogue, PayloadOutput, TypeName } from '../src/index.ts'
import { parseStoredHeaders, type NewRecord } from '../src/ports.ts'

/** A message as it stands in the outbox, decoded. */
export type MessageWritten<C extends Catalogue = Catalogue> = {
  readonly [T in TypeName<C>]: {
    readonly messageId: string
    readonly type: T
    readonly version: number
    readonly source: string
    readonly key: string | null
    readonly correlationId: string | null
    readonly causationId: string | null
    /** The application's own. */
    readonly headers: Readonly<Record<string, string>>
    readonly exchange: string
    readonly routingKey: string
    /** What was stored, as the codec reads it; a schema's transformations for readers are not applied. */
    readonly payload: PayloadOutput<C, T>
  }
}[TypeName<C>]

/** A memory database, as far as it is needed. */
export interface RecordsInMemory {
  records(): readonly NewRecord[]
}

/**
 * The messages that committed transactions have written and that nobody has published yet, in the order of writing.
 *
 * @example
 * ```ts
 * const database = memoryDatabase()
 * await database.transaction((tx) => placeOrder(tx, { orderId: 'o-1', total: 20 }))
 * expect(writtenMessages(database, messages)).toMatchObject([{ type: 'order.placed', payload: { orderId: 'o-1' } }])
 * ```
 */
export function writtenMessages<C extends Catalogue>(
  database: RecordsInMemory,
  messages: C,
): MessageWritten<C>[] {
  return database.records().map((record) => decodeRecord(record, messages))
}

/** @throws Error when the record is of a type that the catalogue does not have. */
export function decodeRecord<C extends Catalogue>(record: NewRecord, messages: C): MessageWritten<C> {
  const { messageId, type, version, source, key, exchange, routingKey } = record
  const definition = messages.find(type)
  if (definition === undefined) {
    throw new Error(`A message of type "${type}" was written, which the given catalogue does not have.`)
  }
  const { correlationId, causationId, headers } = parseStoredHeaders(record.headers)
  const written = {
    ...{ messageId, type, version, source, key, exchange, routingKey },
    ...{ correlationId, causationId, headers },
    payload: definition.codec.decode(record.payload),
  }
  return written
}
