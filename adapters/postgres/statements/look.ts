import { keyIsParked } from './parked-key.ts'
import { SERVER } from './server.ts'

export interface LookAt {
  /** The one leaf that is looked into. */
  readonly leaf: number
  /** Pass over keys that have a parked record. */
  readonly blockedKeys: boolean
}

/**
 * Reads the few records that have come since everything was fetched, out of one leaf. `../look.ts` says when it may
 * stand in for `fetch` and when its answer tells all. PostgreSQL plans it in a sixth of the time.
 *
 * `$1` relay; `$2` lanes; `$3` low, `$4` the last position looked at; `$5` base; `$6` most records; `$7` most bytes of
 * one record.
 *
 * Rows: at least one, with a record or nulls, and then snapshot, sequence (null before the first), server, and the
 * lanes and epochs that the relay owns. A record that is too large comes without
 * payload.
 *
 * Locks: none but ACCESS SHARE. Index: `(lane, id)` of the leaf, from low to the last position looked at.
 */
export function look(schema: string, { leaf, blockedKeys }: LookAt): string {
  const passed = blockedKeys ? ` and (o.key is null or not ${keyIsParked(schema)})` : ''
  return `
select page.*, pg_catalog.pg_current_snapshot()::text,
  pg_catalog.pg_sequence_last_value('${schema.replaceAll("'", "''")}.outbox_id_seq'::regclass), ${SERVER},
  array(select (held.lane, held.epoch) from ${schema}.lane as held where held.owner = $1::uuid)
from (select) as always left join (
  select o.lane, o.id, o.message_id, o.type, o.version, o.source, o.key, o.exchange, o.routing_key, o.headers,
    o.content_type,
    case when pg_catalog.octet_length(o.payload) + pg_catalog.octet_length(o.headers) <= $7::integer then pg_catalog.encode(o.payload, 'hex') end,
    pg_catalog.trunc(extract(epoch from o.created_at) * 1000)::bigint
  from ${schema}.outbox_${String(leaf)} as o
  where o.lane = any ($2::smallint[]) and o.id > $3::bigint and o.id <= $4::bigint
    and not pg_catalog.pg_visible_in_snapshot(o.xid, $5::pg_snapshot)${passed}
  order by o.id
  limit $6
) as page on true`
}
