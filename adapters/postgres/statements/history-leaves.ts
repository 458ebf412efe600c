/** Of the ring of the history: one for each hour of two days. */
export const HISTORY_LEAVES = 48

function historyLeaf(schema: string, leaf: number): string {
  return `${schema}.history_${String(leaf)}`
}

/**
 * The hour that it is, since 1970, and for each leaf of the history whether it holds any page.
 * Locks: none. Index: none.
 */
export function filledHistory(schema: string): string {
  const sizes = Array.from(
    { length: HISTORY_LEAVES },
    (_, leaf) => `pg_catalog.pg_relation_size('${historyLeaf(schema, leaf).replaceAll("'", "''")}') > 0`,
  )
  return `select pg_catalog.floor(extract(epoch from pg_catalog.clock_timestamp()) / 3600), ${sizes.join(', ')}`
}

/**
 * Whether a leaf holds nothing of minute `$1` or later.
 * Locks: none. Index: that of the leaf.
 */
export function isOldHistory(schema: string, leaf: number): string {
  return `select not exists (select from ${historyLeaf(schema, leaf)} where minute >= $1::integer)`
}

/** Keeps all writers and readers off a leaf until the transaction ends. Locks: ACCESS EXCLUSIVE on the leaf alone. */
export function lockHistory(schema: string, leaf: number): string {
  return `lock table only ${historyLeaf(schema, leaf)} in access exclusive mode`
}

/** Only under `lockHistory`, and after `isOldHistory` was asked again. */
export function truncateHistory(schema: string, leaf: number): string {
  return `truncate table only ${historyLeaf(schema, leaf)}`
}

/** From minute `$1` on nothing was truncated. Locks: the one row. */
export function noteForgotten(schema: string): string {
  return `update ${schema}.history_kept set from_minute = greatest(from_minute, $1::integer)`
}
