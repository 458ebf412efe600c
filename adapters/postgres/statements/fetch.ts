import { notGated } from './gated.ts'
import { ofEachLeaf, writtenBy } from './leaves.ts'
import { keyIsParked } from './parked-key.ts'
import { SERVER } from './server.ts'

/** Which optional filters a fetch needs; without them it does not pay for them. */
export interface FetchFilters {
  /** Pass over routes: `$10` exchanges, `$11` and `$12` pairs of exchange and routing key. */
  readonly gated: boolean
  /** Pass over keys that have a parked record. */
  readonly blockedKeys: boolean
}

/**
 * Reads the next records of all lanes of one relay.
 *
 * `$1` relay; `$2`–`$8` arrays, one element for each lane: lane, epoch, base, low, pos, max records, max bytes;
 * `$9` the largest of the max records.
 *
 * Rows: for each lane that the relay owns with that epoch one row without position, whose last three columns are
 * snapshot, sequence and server (one such row without a lane when it owns none), and the records. A record without payload
 * did not fit any more and only says so.
 *
 * Locks: none but ACCESS SHARE. Indexes: `(lane, id)` for fresh records; `(xid, lane, id)` for those of transactions
 * that were open at `base`. The latter is asked for by row comparisons, which no other index can serve: with plain
 * equality, statistics taken after one large transaction make the planner walk the whole lane instead.
 * All sees one snapshot: it is the one of this statement, which the first column of `head` shows.
 */
export function fetch(schema: string, filters: FetchFilters): string {
  const passed = passedOver(schema, filters)
  return `${shared(schema)}
select wanted.lane, null, null, null, null, null, null, null, null, null, null, null, null,
  head.snapshot::text, head.sequence, ${SERVER}
from head left join wanted on true
union all
select wanted.lane, page.id, page.message_id, page.type, page.version, page.source, page.key, page.exchange,
  page.routing_key, page.headers, page.content_type,
  case when page.place = 1 or page.running <= wanted.max_bytes then pg_catalog.encode(page.payload, 'hex') end,
  pg_catalog.trunc(extract(epoch from page.created_at) * 1000)::bigint, null, null, null
from wanted cross join lateral (
  select found.*, pg_catalog.row_number() over in_order as place, pg_catalog.sum(found.size) over in_order as running
  from (
    select * from (
      ${ofEachLeaf(schema, (leaf) => fresh(leaf, passed))}
      union all
      (
        select strayed.*
        from straggler cross join lateral (
          select * from (${ofEachLeaf(schema, (leaf) => stray(leaf, passed))}) as any_leaf
          order by id
          limit $9
        ) as strayed
        where straggler.lane = wanted.lane
        order by strayed.id
        limit $9
      )
    ) as either
    order by id
    limit wanted.max_records
  ) as found
  window in_order as (order by found.id rows unbounded preceding)
) as page
where page.place <= 2 or page.running - page.size <= wanted.max_bytes`
}

const RECORD = 'o.*, pg_catalog.octet_length(o.payload) + pg_catalog.octet_length(o.headers) as size'

function fresh(leaf: string, passed: string): string {
  return `
        select ${RECORD}
        from ${leaf} as o
        where o.lane = wanted.lane and o.id > wanted.low
          and not (o.id <= wanted.pos and pg_catalog.pg_visible_in_snapshot(o.xid, wanted.base))${passed}
        order by o.id
        limit $9`
}

function stray(leaf: string, passed: string): string {
  return `
          select ${RECORD}
          from ${leaf} as o
          where (o.xid, o.lane, o.id) > (straggler.xid, wanted.lane, 0::bigint)
            and (o.xid, o.lane, o.id) <= (straggler.xid, wanted.lane, wanted.low)${passed}
          order by o.xid, o.lane, o.id
          limit $9`
}

/** What all lanes share: the snapshot, what is asked for, and which transactions have ended since. */
function shared(schema: string): string {
  return `
with head as materialized (
  select pg_catalog.pg_current_snapshot() as snapshot,
    case when is_called then last_value else last_value - 1 end as sequence
  from ${schema}.outbox_id_seq
),
wanted as materialized (
  select given.*
  from unnest(
    $2::smallint[], $3::bigint[], $4::pg_snapshot[], $5::bigint[], $6::bigint[], $7::integer[], $8::bigint[]
  ) as given (lane, epoch, base, low, pos, max_records, max_bytes)
  join ${schema}.lane as held on held.lane = given.lane and held.epoch = given.epoch and held.owner = $1::uuid
),
late as materialized (
  select ended.xid
  from (
    select distinct open.xid
    from wanted cross join head cross join lateral pg_catalog.pg_snapshot_xip(wanted.base) as open (xid)
    where wanted.low > 0 and pg_catalog.pg_visible_in_snapshot(open.xid, head.snapshot)
  ) as ended
  cross join lateral (
    ${writtenBy(schema, { columns: '1', limit: 1 })}
    limit 1
  ) as written
),
straggler as materialized (
  select wanted.lane, late.xid
  from wanted cross join late
  where late.xid = any (array(select pg_catalog.pg_snapshot_xip(wanted.base)))
)`
}

function passedOver(schema: string, { gated, blockedKeys }: FetchFilters): string {
  const gates = `
          and ${notGated('o', 10)}`
  // The first select does not refer to the record and so runs once: when nothing is parked, that is all the cost.
  const keys = `
          and (
            o.key is null
            or not (select exists (select from ${schema}.parked as p where p.state <> 'discarded'))
            or not ${keyIsParked(schema)}
          )`
  return `${gated ? gates : ''}${blockedKeys ? keys : ''}`
}
