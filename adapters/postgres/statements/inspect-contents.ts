/** How many records, and entries of the inbox, are looked at for the names in them. */
const LOOKED_AT = 10_000

/**
 * The exchanges of what waits in the outbox and of what is parked.
 * Locks: none. Index: none, reads from the front.
 */
export function waitingExchanges(schema: string): string {
  return `
select exchange from (select exchange from ${schema}.outbox limit ${String(LOOKED_AT)}) as waiting
union select exchange from (select exchange from ${schema}.parked limit ${String(LOOKED_AT)}) as parked
order by exchange limit 100`
}

/**
 * The consumers that have handled something lately.
 * Locks: none. Index: inbox_handled_at.
 */
export function recentConsumers(schema: string): string {
  return `
select distinct consumer from (
  select consumer from ${schema}.inbox order by handled_at desc limit ${String(LOOKED_AT)}
) as recent order by consumer limit 100`
}

/**
 * Whether this role may read the outbox and the inbox of schema `$1`.
 * Locks: none. Index: none.
 */
export const READABLE = `
select coalesce(bool_or(c.relname = 'outbox' and may), false), coalesce(bool_or(c.relname = 'inbox' and may), false)
from pg_catalog.pg_namespace as n join pg_catalog.pg_class as c on c.relnamespace = n.oid
cross join lateral (
  select pg_catalog.has_schema_privilege(n.oid, 'usage') and pg_catalog.has_table_privilege(c.oid, 'select') as may
) as rights
where n.nspname = $1`
