/**
 * Puts a relay on the list: `$1` relay, `$2` host, `$3` schema version, `$4` lease in milliseconds. Saying it again,
 * after an answer that was lost, is no error.
 * Locks: the row. Index: primary key.
 */
export function register(schema: string): string {
  return `
insert into ${schema}.relay (relay_id, host, schema_version, expires_at)
values ($1::uuid, $2::text, $3::integer, pg_catalog.clock_timestamp() + $4::double precision * interval '1 millisecond')
on conflict (relay_id) do update set expires_at = excluded.expires_at`
}
