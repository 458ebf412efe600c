import type { NewRecord, SqlStatement } from '../../../src/ports.ts'
import { COLUMN_NAMES, COLUMNS, encodingOf } from './record-columns.ts'

/** How a driver marks its parameters: `$1`, `$2` or `?`, `?`. */
export type Placeholders = 'numbered' | 'question-marks'

export interface AppendOptions {
  /** Quoted. */
  readonly schema: string
  readonly placeholders?: Placeholders
}

/**
 * Inserts records in their order.
 *
 * Locks: none but those of an insert. Index: the two of the leaf that the new ids fall into.
 */
export function appendStatement(records: readonly NewRecord[], options: AppendOptions): SqlStatement {
  return records.length === 0
    ? { text: 'select where false', values: [] }
    : insert(records, { ...options, offset: 0, condition: '' })
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
  const append = insert(records, { ...options, offset, condition })
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

function insert(records: readonly NewRecord[], options: SelectOptions): SqlStatement {
  const [first] = records
  return first !== undefined && records.length === 1 ? scalars(first, options) : arrays(records, options)
}

/** One record as a row of scalars: eleven arrays of one cost more than the row that they bring. */
function scalars(record: NewRecord, options: SelectOptions): SqlStatement {
  const encoding = encodingOf([record])
  const items = COLUMNS.map((column, index) => {
    const given = `${mark(options.offset + index + 1, options)}::pg_catalog.${encoding.typeOf(column)}`
    return encoding.read(column, given)
  })
  return {
    text: `insert into ${options.schema}.outbox (${COLUMN_NAMES})
select ${items.join(', ')}
${options.condition}`,
    values: COLUMNS.map((column) => encoding.write(column, column.value(record))),
  }
}

function arrays(records: readonly NewRecord[], options: SelectOptions): SqlStatement {
  const encoding = encodingOf(records)
  const lists = COLUMNS.map(
    (column, index) =>
      `${mark(options.offset + index + 1, options)}::pg_catalog.${encoding.typeOf(column)}[]`,
  )
  const items = COLUMNS.map((column) => encoding.read(column, `r.${column.name}`))
  return {
    text: `insert into ${options.schema}.outbox (${COLUMN_NAMES})
select ${items.join(', ')}
from rows from (${lists.map((list) => `pg_catalog.unnest(${list})`).join(', ')})
  with ordinality as r (${COLUMN_NAMES}, place)
${options.condition}
order by r.place`,
    values: COLUMNS.map((column) => records.map((record) => encoding.write(column, column.value(record)))),
  }
}

function mark(number: number, { placeholders = 'numbered' }: AppendOptions): string {
  return placeholders === 'numbered' ? `$${String(number)}` : '?'
}
