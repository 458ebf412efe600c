import { freeLanes } from './free-lanes.ts'

/**
 * Takes relay `$1` off the list, and frees its lanes.
 * Locks: its row and those of its lanes. Index: primary key.
 */
export function unregister(schema: string): string {
  return `
with gone as (delete from ${schema}.relay where relay_id = $1::uuid returning *)
${freeLanes(schema, 'gone')}`
}
