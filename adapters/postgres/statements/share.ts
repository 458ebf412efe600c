/**
 * How many lanes relay `$1` should have: all lanes divided by the live relays that no operator has paused, the remainder to
 * those that registered first. Row: live relays, share. No row when the relay is not registered or has expired.
 * Locks: none. Index: none, few rows.
 */
export function share(schema: string): string {
  return `
select ranked.live, case when ranked.paused then 0
    else ranked.lanes / ranked.working + (ranked.place <= ranked.lanes % ranked.working)::integer end
from (
  select live.relay_id, live.paused, pg_catalog.count(*) over () as live,
    pg_catalog.count(*) filter (where not live.paused) over () as working,
    pg_catalog.row_number() over (partition by live.paused order by live.registered_at, live.relay_id) as place,
    (select pg_catalog.count(*) from ${schema}.lane) as lanes
  from (
    select relay.*, exists (
      select from ${schema}.pause where pause.kind = 'relay' and pause.name in (relay.host, '*')
    ) as paused
    from ${schema}.relay
    where relay.expires_at > pg_catalog.clock_timestamp()
  ) as live
) as ranked
where ranked.relay_id = $1::uuid`
}
