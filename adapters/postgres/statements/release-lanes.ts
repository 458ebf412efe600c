/**
 * Gives lanes back: `$1` relay, `$2` lanes. Lanes that belong to somebody else by now are left alone.
 * Locks: the rows. Index: none, 16 rows.
 */
export function releaseLanes(schema: string): string {
  return `update ${schema}.lane set owner = null where owner = $1::uuid and lane = any ($2::smallint[])`
}
