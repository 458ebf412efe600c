/**
 * For each leaf whether it holds any page, and which leaf is written now.
 * Locks: none. Index: none.
 */
export function leaves(schema: string): string {
  const sizes = [0, 1, 2, 3].map(
    (leaf) => `pg_catalog.pg_relation_size('${inLiteral(schema)}.outbox_${String(leaf)}') > 0`,
  )
  return `select (last_value >> 18) & 3, ${sizes.join(', ')} from ${schema}.outbox_id_seq`
}

/**
 * Whether a leaf holds a record.
 * Locks: none. Index: none; reads from the front until it finds one.
 */
export function leafIsEmpty(schema: string, leaf: number): string {
  return `select not exists (select from ${schema}.outbox_${String(leaf)})`
}

/**
 * Gives up soon rather than make relays wait that queue behind it, and loses its locks when this process stands still
 * under them: a frozen relay must not keep writers off a leaf. Both for the transaction only.
 */
export const SHORT_LOCK_TIMEOUT = `
select pg_catalog.set_config('lock_timeout', '50ms', true),
  pg_catalog.set_config('idle_in_transaction_session_timeout', '2s', true)`

/**
 * Keeps all writers and readers off a leaf until the transaction ends. Waits for those who have written to it.
 * Locks: ACCESS EXCLUSIVE on the leaf alone.
 */
export function lockLeaf(schema: string, leaf: number): string {
  return `lock table only ${schema}.outbox_${String(leaf)} in access exclusive mode`
}

/**
 * How many records were removed from a leaf and not vacuumed, as the server counts.
 * Locks: none. Index: none.
 */
export function removedFrom(schema: string, leaf: number): string {
  return `select pg_catalog.pg_stat_get_dead_tuples('${inLiteral(schema)}.outbox_${String(leaf)}'::regclass)`
}

/** Empties a leaf at once, dead records included. Only under `lockLeaf`, and after `leafIsEmpty` was asked again. */
export function truncateLeaf(schema: string, leaf: number): string {
  return `truncate table only ${schema}.outbox_${String(leaf)}`
}

/**
 * Draws up to `$1` positions and throws them away, but none beyond the end of leaf `$2`. One row: how many.
 * `nextval` and never `setval`: writers draw at the same time, and a position must not be given out twice.
 * Locks: none. Index: none.
 */
export function burn(schema: string): string {
  return `
select pg_catalog.count(pg_catalog.nextval('${inLiteral(schema)}.outbox_id_seq'))
from ${schema}.outbox_id_seq cross join lateral pg_catalog.generate_series(1, least($1::bigint, 262144 - (last_value & 262143)))
where (last_value >> 18) & 3 = $2::integer`
}

function inLiteral(quoted: string): string {
  return quoted.replaceAll("'", "''")
}
