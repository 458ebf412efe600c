/**
 * How many lanes relay `$1` should have: all lanes divided by the live relays, the remainder to those that registered
 * first. Row: live relays, share. No row when the relay is not registered or has expired.
 * Locks: none. Index: none, few rows.
 */
export function share(schema: string): string {
  return `
select ranked.live, ranked.lanes / ranked.live + (ranked.place <= ranked.lanes % ranked.live)::integer
from (
  select relay.relay_id, count(*) over () as live,
    row_number() over (order by relay.registered_at, relay.relay_id) as place,
    (select count(*) from ${schema}.lane) as lanes
  from ${schema}.relay
  where relay.expires_at > clock_timestamp()
) as ranked
where ranked.relay_id = $1::uuid`
}
