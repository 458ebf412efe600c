/**
 * Parked records of lanes `$2`, as far as relay `$1` owns them with epochs `$3`, that are due to be published again,
 * `$4` for each lane at most. With `inOrder`, of each key only the first that is parked.
 *
 * Columns: those of a record as in `fetch`, attempts, milliseconds since it was parked, and whether other records of
 * its key are parked.
 *
 * Locks: none. Indexes: `parked_due`; `parked_blocked` for the others of a key.
 */
export function due(schema: string, inOrder: boolean): string {
  const others = `select from ${schema}.parked as p
        where p.lane = d.lane and p.key = d.key and p.state <> 'discarded' and p.parked_id <> d.parked_id`
  const first = `
        and not exists (${others} and p.id < d.id)`
  return `
select found.lane, found.id, found.message_id, found.type, found.version, found.source, found.key, found.exchange,
  found.routing_key, found.headers, found.content_type, pg_catalog.encode(found.payload, 'hex'),
  pg_catalog.trunc(extract(epoch from found.created_at) * 1000)::bigint, found.attempts,
  extract(epoch from pg_catalog.clock_timestamp() - found.parked_at) * 1000, found.is_followed
from unnest($2::smallint[], $3::bigint[]) as given (lane, epoch)
  join ${schema}.lane as held on held.lane = given.lane and held.epoch = given.epoch and held.owner = $1::uuid
  cross join lateral (
    select d.*, exists (${others}) as is_followed
    from ${schema}.parked as d
    where d.lane = given.lane and d.state = 'retry' and d.next_attempt_at <= pg_catalog.statement_timestamp()${inOrder ? first : ''}
    order by d.next_attempt_at
    limit $4
  ) as found
order by found.id`
}
