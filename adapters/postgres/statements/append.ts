import type { NewRecord, SqlStatement } from '../../../src/ports.ts'

/** How a driver marks its parameters: `$1`, `$2` or `?`, `?`. */
export type Placeholders = 'numbered' | 'question-marks'

export interface AppendOptions {
  /** Quoted. */
  readonly schema: string
  readonly placeholders?: Placeholders
}

interface Column {
  readonly name: string
  readonly type: string
  value(record: NewRecord): unknown
}

const COLUMNS: readonly Column[] = [
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

const NAMES = COLUMNS.map(({ name }) => name).join(', ')

/**
 * Appends records in their order. One record is inserted by VALUES, which is a good deal faster than an array of one.
 *
 * Locks: none but those of an insert. Index: the two of the leaf that the new ids fall into.
 */
export function appendStatement(records: readonly NewRecord[], options: AppendOptions): SqlStatement {
  const [first, second] = records
  if (first === undefined) return { text: 'select where false', values: [] }
  if (second !== undefined) return arrays(records, { ...options, offset: 0, condition: '' })
  const encoded = encoding(records)
  const items = COLUMNS.map((column, index) => encoded.read(column, mark(index + 1, options)))
  return {
    text: `insert into ${options.schema}.outbox (${NAMES}) values (${items.join(', ')})`,
    values: COLUMNS.map((column) => encoded.write(column, column.value(first))),
  }
}

/**
 * The business statement and the records in one: rows of the former are what the statement returns.
 *
 * The condition reads the business statement to its end before the first record is formed, so a record takes its
 * position only when the rows of the business statement are locked. Placeholders of the business statement keep
 * their numbers.
 *
 * Locks: those of the business statement, then those of an insert.
 */
export function foldedStatement(
  business: SqlStatement,
  records: readonly NewRecord[],
  options: AppendOptions,
): SqlStatement {
  if (records.length === 0) return business
  const offset = business.values.length
  const condition =
    'where (select pg_catalog.count(*) from waybill_business) operator(pg_catalog.>) 0::pg_catalog.int8'
  const form = { ...options, offset, condition }
  const append = records.length === 1 ? scalars(records, form) : arrays(records, form)
  return {
    text: `with waybill_business as (
${business.text.trim().replace(/;+$/, '')}
), waybill_written as (
${append.text}
)
select * from waybill_business`,
    values: [...business.values, ...append.values],
  }
}

interface SelectOptions extends AppendOptions {
  readonly offset: number
  readonly condition: string
}

/** One record as a row of scalars: eleven arrays of one cost more than the row that they bring. */
function scalars(records: readonly NewRecord[], options: SelectOptions): SqlStatement {
  const encoded = encoding(records)
  const items = COLUMNS.map((column, index) => {
    const given = `${mark(options.offset + index + 1, options)}::pg_catalog.${encoded.typeOf(column)}`
    return encoded.read(column, given)
  })
  return {
    text: `insert into ${options.schema}.outbox (${NAMES})
select ${items.join(', ')}
${options.condition}`,
    values: COLUMNS.flatMap((column) => records.map((record) => encoded.write(column, column.value(record)))),
  }
}

function arrays(records: readonly NewRecord[], options: SelectOptions): SqlStatement {
  const encoded = encoding(records)
  const lists = COLUMNS.map(
    (column, index) => `${mark(options.offset + index + 1, options)}::pg_catalog.${encoded.typeOf(column)}[]`,
  )
  const items = COLUMNS.map((column) => encoded.read(column, `r.${column.name}`))
  return {
    text: `insert into ${options.schema}.outbox (${NAMES})
select ${items.join(', ')}
from rows from (${lists.map((list) => `pg_catalog.unnest(${list})`).join(', ')})
  with ordinality as r (${NAMES}, place)
${options.condition}
order by r.place`,
    values: COLUMNS.map((column) => records.map((record) => encoded.write(column, column.value(record)))),
  }
}

/** How text travels. */
interface Encoding {
  typeOf(column: Column): string
  /** The SQL expression that reads a parameter of this column. */
  read(column: Column, expression: string): string
  write(column: Column, value: unknown): unknown
}

const AS_TEXT: Encoding = {
  typeOf: (column) => column.type,
  read: (_column, expression) => expression,
  write: (_column, value) => value,
}

/**
 * The driver always sends UTF-8, also when a role or a session has set another `client_encoding`, and the server would
 * then misread it. Bytes are not converted on the way.
 */
const AS_BYTES: Encoding = {
  typeOf: (column) => (column.type === 'text' ? 'bytea' : column.type),
  read: (column, expression) =>
    column.type === 'text' ? `pg_catalog.convert_from(${expression}, 'UTF8')` : expression,
  write: (column, value) =>
    column.type === 'text' && typeof value === 'string' ? Buffer.from(value, 'utf8') : value,
}

/** Plain ASCII is the same in every encoding and takes the shorter way. */
function encoding(records: readonly NewRecord[]): Encoding {
  const texts = COLUMNS.filter((column) => column.type === 'text')
  const plain = records.every((record) => texts.every((column) => isAscii(column.value(record))))
  return plain ? AS_TEXT : AS_BYTES
}

function isAscii(value: unknown): boolean {
  return typeof value !== 'string' || /^[\u0000-\u007f]*$/.test(value)
}

function mark(number: number, { placeholders = 'numbered' }: AppendOptions): string {
  return placeholders === 'numbered' ? `$${String(number)}` : '?'
}
