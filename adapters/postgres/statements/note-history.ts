import { COLUMN_NAMES } from './record-columns.ts'

/**
 * Two parts of a WITH: `waybill_records`, which `select` gives in the columns of a record, and their insert into the history.
 *
 * Locks: none but those of an insert. Index: the small one of the leaf.
 */
export function notedRecords(schema: string, select: string): string {
  return `waybill_records (${COLUMN_NAMES}) as materialized (
${select}
), waybill_noted as (
  insert into ${schema}.history (minute, ${COLUMN_NAMES})
  select ${schema}.history_minute(message_id), ${COLUMN_NAMES} from waybill_records
)`
}
