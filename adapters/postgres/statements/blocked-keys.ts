/**
 * Keys of lanes `$1` that wait for a parked record to be replayed or discarded.
 * Locks: none. Index: `parked_blocked`.
 */
export function blockedKeys(schema: string): string {
  return `
select distinct lane || ':' || key
from ${schema}.parked
where state <> 'discarded' and key is not null and lane = any ($1::smallint[])`
}
