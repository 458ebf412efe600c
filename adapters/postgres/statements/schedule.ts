import type { ScheduledRecord, SqlStatement } from '../../../src/ports.ts'
import { COLUMN_NAMES, COLUMNS, encodingOf, listsOf } from './record-columns.ts'

/**
 * Keeps records for later, in their order: the lists of the columns, then one of milliseconds since 1970.
 *
 * Locks: none but those of an insert. Index: none but its own two.
 */
export function schedule(
  schema: string,
  records: readonly ScheduledRecord[],
  history: boolean,
): SqlStatement {
  const encoding = encodingOf(records)
  const lists = COLUMNS.map(
    (column, index) => `pg_catalog.unnest($${String(index + 1)}::pg_catalog.${encoding.typeOf(column)}[])`,
  )
  const items = COLUMNS.map((column) => encoding.read(column, `r.${column.name}`))
  return {
    text: `insert into ${schema}.scheduled (${COLUMN_NAMES}, deliver_at${history ? ', history' : ''})
select ${items.join(', ')}, pg_catalog.to_timestamp(r.deliver_ms operator(pg_catalog./) 1000::pg_catalog.float8)${history ? ', true' : ''}
from rows from (
  ${[...lists, `pg_catalog.unnest($${String(lists.length + 1)}::pg_catalog.float8[])`].join(', ')}
) with ordinality as r (${COLUMN_NAMES}, deliver_ms, place)
order by r.place`,
    values: [...listsOf(records, encoding), records.map(({ deliverAt }) => deliverAt)],
  }
}

/**
 * Takes message `$1` back. A row if it was there.
 * Locks: the row; waits for one who moves it. Index: `scheduled_message_id`.
 */
export function cancel(schema: string): string {
  return `delete from ${schema}.scheduled as s where s.message_id operator(pg_catalog.=) $1::pg_catalog.uuid returning 1`
}
