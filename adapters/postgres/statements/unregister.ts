/**
 * Takes relay `$1` off the list; the foreign key frees its lanes.
 * Locks: its row and those of its lanes. Index: primary key.
 */
export function unregister(schema: string): string {
  return `delete from ${schema}.relay where relay_id = $1::uuid`
}
