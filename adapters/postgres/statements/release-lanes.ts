import { freeLanes } from './free-lanes.ts'

/**
 * Gives lanes back: `$1` relay, `$2` lanes, `$3` their epochs. Lanes that have changed hands since are left alone.
 * Locks: the rows. Index: the primary key of relays; 16 lanes.
 */
export function releaseLanes(schema: string): string {
  return `
with own as (select * from ${schema}.relay where relay_id = $1::uuid)
${freeLanes(schema, 'own')}
  and (l.lane, l.epoch) in (select * from rows from (pg_catalog.unnest($2::smallint[]), pg_catalog.unnest($3::bigint[])))`
}
