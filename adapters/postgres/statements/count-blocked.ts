/**
 * How many keys have a parked record, and how many records wait behind one. The latter are looked for among the first
 * `$1` records of each lane that has such a key, where they are, as all others leave; `$2` is how many make a crowd.
 *
 * First row: keys, records, whether no lane was cut short. Then for each crowded key, the largest first: its lane,
 * records, and the message id of the first of its parked records.
 *
 * Locks: none. Indexes: `parked_blocked`; `(lane, id)`, from its beginning.
 */
export function countBlocked(schema: string): string {
  return `
with blocked as materialized (
  select distinct on (lane, key) lane, key, message_id
  from ${schema}.parked
  where state <> 'discarded' and key is not null
  order by lane, key, id
),
looked as materialized (
  select of_lane.lane, first.key
  from (select distinct lane from blocked) as of_lane cross join lateral (
    select o.key from ${schema}.outbox as o where o.lane = of_lane.lane order by o.id limit $1::bigint
  ) as first
),
waiting as materialized (
  select b.lane, b.message_id, pg_catalog.count(*) as records
  from blocked as b join looked as l on l.lane = b.lane and l.key = b.key
  group by b.lane, b.message_id
)
select place, one, records, id from (
  select 0 as place, (select pg_catalog.count(*) from blocked) as one,
    coalesce((select pg_catalog.sum(records) from waiting), 0) as records,
    (select coalesce(pg_catalog.bool_and(n < $1::bigint), true) from (
      select pg_catalog.count(*) as n from looked group by lane
    ) as of_lane)::text as id
  union all
  select * from (
    select 1, w.lane, w.records, w.message_id::text from waiting as w
    where w.records > $2::bigint order by w.records desc limit 20
  ) as crowded
) as rows
order by place, records desc`
}
