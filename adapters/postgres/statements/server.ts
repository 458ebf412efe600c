/**
 * One life of one server, as an expression: when it was started, in microseconds. It is read by the very statement
 * whose answer it vouches for, since a pooler, a proxy or a failover may bring the next statement to another server.
 */
export const SERVER = '(extract(epoch from pg_catalog.pg_postmaster_start_time()) * 1000000)::bigint::text'
