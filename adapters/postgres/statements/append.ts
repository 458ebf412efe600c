import type { NewRecord, SqlStatement } from '../../../src/ports.ts'
import { notedRecords } from './note-history.ts'
import { COLUMN_NAMES, COLUMNS, encodingOf, listsOf, valuesOf, type Encoding } from './record-columns.ts'

/** How a driver marks its parameters: `$1`, `$2` or `?`, `?`. */
export type Placeholders = 'numbered' | 'question-marks'

export interface InsertOptions {
  /** Quoted. */
  readonly schema: string
  readonly placeholders: Placeholders
}

/**
 * Makes INSERTs of records; with `history`, into that too, by the same statement. Each text is made once: only the values
 * differ from message to message.
 */
export interface Inserts {
  /**
   * Inserts records in their order.
   *
   * Locks: none but those of an insert. Index: the two of the leaf that the new ids fall into.
   */
  plain(records: readonly NewRecord[], history: boolean): SqlStatement
  /**
   * The business statement and the records in one: rows of the former are what the statement returns.
   *
   * The condition reads the business statement to its end before the first record is formed, so a record takes its
   * position only when the rows of the business statement are locked. Placeholders of the business statement keep
   * their numbers.
   *
   * Locks: those of the business statement, then those of an insert.
   */
  folded(business: SqlStatement, records: readonly NewRecord[], history: boolean): SqlStatement
}

/** What a text depends on. */
interface Form {
  readonly encoding: Encoding
  /** Whether one record is inserted, as a row of scalars: arrays of one cost more than the row that they bring. */
  readonly single: boolean
  /** How many parameters the business statement has that this one is folded behind; null when there is none. */
  readonly offset: number | null
  readonly history: boolean
}

const BUSINESS_HAS_ROWS =
  'where (select pg_catalog.count(*) from waybill_business) operator(pg_catalog.>) 0::pg_catalog.int8'

export function createInserts(options: InsertOptions): Inserts {
  const texts = new Map<string, string>()

  function textOf(form: Form): string {
    const { single, encoding, offset, history } = form
    const name = [single, encoding.name, offset, history].join(' ')
    const text = texts.get(name) ?? textFor(form, options)
    texts.set(name, text)
    return text
  }

  function insert(records: readonly NewRecord[], rest: Pick<Form, 'offset' | 'history'>): SqlStatement {
    const encoding = encodingOf(records)
    const [first, second] = records
    const single = first !== undefined && second === undefined
    return {
      text: textOf({ encoding, single, ...rest }),
      values: single ? valuesOf(first, encoding) : listsOf(records, encoding),
    }
  }

  return {
    plain(records, history) {
      if (records.length === 0) return { text: 'select where false', values: [] }
      return insert(records, { offset: null, history })
    },
    folded(business, records, history) {
      if (records.length === 0) return business
      const { text, values } = insert(records, { offset: business.values.length, history })
      return {
        text: `with waybill_business as (
${business.text.trim().replace(/;+$/, '')}
), ${text}
select * from waybill_business`,
        values: [...business.values, ...values],
      }
    },
  }
}

/** The statement, or behind a business statement the rest of its WITH. */
function textFor(form: Form, options: InsertOptions): string {
  const select = form.single ? scalars(form, options) : arrays(form, options)
  const into = `insert into ${options.schema}.outbox (${COLUMN_NAMES})`
  const isFolded = form.offset !== null
  if (!form.history) return isFolded ? `waybill_written as (\n${into}\n${select}\n)` : `${into}\n${select}`
  const noted = notedRecords(options.schema, select)
  const insert = `${into}\nselect ${COLUMN_NAMES} from waybill_records`
  return isFolded ? `${noted}, waybill_written as (\n${insert}\n)` : `with ${noted}\n${insert}`
}

function scalars({ encoding, offset }: Form, options: InsertOptions): string {
  const items = COLUMNS.map((column, index) => {
    const given = `${mark((offset ?? 0) + index + 1, options)}::pg_catalog.${encoding.typeOf(column)}`
    return encoding.read(column, given)
  })
  return `select ${items.join(', ')}
${offset === null ? '' : BUSINESS_HAS_ROWS}`
}

function arrays({ encoding, offset }: Form, options: InsertOptions): string {
  const lists = COLUMNS.map((column, index) => {
    const given = `${mark((offset ?? 0) + index + 1, options)}::pg_catalog.${encoding.typeOf(column)}[]`
    return `pg_catalog.unnest(${given})`
  })
  const items = COLUMNS.map((column) => encoding.read(column, `r.${column.name}`))
  return `select ${items.join(', ')}
from rows from (${lists.join(', ')})
  with ordinality as r (${COLUMN_NAMES}, place)
${offset === null ? '' : BUSINESS_HAS_ROWS}
order by r.place`
}

function mark(number: number, { placeholders }: InsertOptions): string {
  return placeholders === 'numbered' ? `$${String(number)}` : '?'
}
