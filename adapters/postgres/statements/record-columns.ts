import type { NewRecord } from '../../../src/ports.ts'

/** A column of the outbox that the writer fills; the others have defaults. */
export interface RecordColumn {
  readonly name: string
  readonly type: 'int2' | 'int4' | 'uuid' | 'text' | 'bytea'
  value(record: NewRecord): unknown
}

export const COLUMNS: readonly RecordColumn[] = [
  { name: 'lane', type: 'int2', value: (record) => record.lane },
  { name: 'version', type: 'int4', value: (record) => record.version },
  { name: 'message_id', type: 'uuid', value: (record) => record.messageId },
  { name: 'key', type: 'text', value: (record) => record.key },
  { name: 'type', type: 'text', value: (record) => record.type },
  { name: 'source', type: 'text', value: (record) => record.source },
  { name: 'exchange', type: 'text', value: (record) => record.exchange },
  { name: 'routing_key', type: 'text', value: (record) => record.routingKey },
  { name: 'headers', type: 'text', value: (record) => record.headers },
  { name: 'content_type', type: 'text', value: (record) => record.contentType },
  { name: 'payload', type: 'bytea', value: (record) => record.payload },
]

/** As a list in SQL. */
export const COLUMN_NAMES: string = COLUMNS.map(({ name }) => name).join(', ')

/** How text travels. */
export interface Encoding {
  readonly name: string
  typeOf(column: RecordColumn): string
  /** The SQL expression that reads a parameter of this column. */
  read(column: RecordColumn, expression: string): string
  write(column: RecordColumn, value: unknown): unknown
}

export const AS_TEXT: Encoding = {
  name: 'text',
  typeOf: (column) => column.type,
  read: (_column, expression) => expression,
  write: (_column, value) => value,
}

/**
 * The driver always sends UTF-8, also when a role or a session has set another `client_encoding`, and the server would
 * then misread it. Bytes are not converted on the way.
 */
export const AS_BYTES: Encoding = {
  name: 'bytes',
  typeOf: (column) => (column.type === 'text' ? 'bytea' : column.type),
  read: (column, expression) =>
    column.type === 'text' ? `pg_catalog.convert_from(${expression}, 'UTF8')` : expression,
  write: (column, value) =>
    column.type === 'text' && typeof value === 'string' ? Buffer.from(value, 'utf8') : value,
}

/** Plain ASCII is the same in every encoding and takes the shorter way. */
export function encodingOf(records: readonly NewRecord[]): Encoding {
  return records.every(isPlain) ? AS_TEXT : AS_BYTES
}

function isPlain(record: NewRecord): boolean {
  for (const column of COLUMNS) {
    if (column.type === 'text' && !isAscii(column.value(record))) return false
  }
  return true
}

function isAscii(value: unknown): boolean {
  return typeof value !== 'string' || /^[\u0000-\u007f]*$/.test(value)
}

/** The parameters of one record, in the order of the columns. */
export function valuesOf(record: NewRecord, encoding: Encoding): unknown[] {
  return COLUMNS.map((column) => encoding.write(column, column.value(record)))
}

/** The parameters of several: a list for each column. */
export function listsOf(records: readonly NewRecord[], encoding: Encoding): unknown[][] {
  return COLUMNS.map((column) => records.map((record) => encoding.write(column, column.value(record))))
}
