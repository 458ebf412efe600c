/**
 * How many lanes relay `$1` should have: all lanes divided by the live relays, the remainder to those that registered
 * first. Row: live relays, share. No row when the relay is not registered or has expired.
 * Locks: none. Index: none, few rows.
 */
export function share(schema: string): string {
  return `
select ranked.live, ranked.lanes / ranked.live + (ranked.place <= ranked.lanes % ranked.live)::integer
from (
  select relay.relay_id, pg_catalog.count(*) over () as live,
    pg_catalog.row_number() over (order by relay.registered_at, relay.relay_id) as place,
    (select pg_catalog.count(*) from ${schema}.lane) as lanes
  from ${schema}.relay
  where relay.expires_at > pg_catalog.clock_timestamp()
) as ranked
where ranked.relay_id = $1::uuid`
}
