import { freeLanes } from './free-lanes.ts'

/**
 * Gives lanes back: `$1` relay, `$2` lanes. Lanes that belong to somebody else by now are left alone.
 * Locks: the rows. Index: the primary key of relays; 16 lanes.
 */
export function releaseLanes(schema: string): string {
  return `
with own as (select * from ${schema}.relay where relay_id = $1::uuid)
${freeLanes(schema, 'own')} and l.lane = any ($2::smallint[])`
}
