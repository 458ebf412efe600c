import { notGated } from './gated.ts'

export interface DueFilters {
  /** Of each key only the first that is parked. */
  readonly inOrder: boolean
  /** Pass over routes: `$7` exchanges, `$8` and `$9` pairs of exchange and routing key. */
  readonly gated: boolean
}

/**
 * Parked records of lanes `$2`, as far as relay `$1` owns them with epochs `$3`, that are due to be published again, those
 * that have been due for longest first: in all `$4` at most, and at most `$5` bytes unless it is one. Those with message ids
 * `$6` are passed over.
 *
 * Columns: those of a record as in `fetch`, attempts, milliseconds since it was parked, and whether other records of
 * its key are parked.
 *
 * Locks: none. Indexes: `parked_due`; `parked_blocked` for the others of a key.
 */
export function due(schema: string, { inOrder, gated }: DueFilters): string {
  const others = (alias: string): string => `select from ${schema}.parked as p
        where p.lane = ${alias}.lane and p.key = ${alias}.key and p.state <> 'discarded' and p.parked_id <> ${alias}.parked_id`
  const first = `
        and not exists (${others('d')} and p.id < d.id)`
  const open = `
        and ${notGated('d', 7)}`
  return `
select page.lane, page.id, page.message_id, page.type, page.version, page.source, page.key, page.exchange,
  page.routing_key, page.headers, page.content_type, pg_catalog.encode(page.payload, 'hex'),
  pg_catalog.trunc(extract(epoch from page.created_at) * 1000)::bigint, page.attempts,
  extract(epoch from pg_catalog.clock_timestamp() - page.parked_at) * 1000, exists (${others('page')})
from (
  select longest.*, pg_catalog.row_number() over in_order as place,
    pg_catalog.sum(pg_catalog.octet_length(payload) + pg_catalog.octet_length(headers)) over in_order as running
  from (
    select found.*
    from unnest($2::smallint[], $3::bigint[]) as given (lane, epoch)
      join ${schema}.lane as held on held.lane = given.lane and held.epoch = given.epoch and held.owner = $1::uuid
      cross join lateral (
        select d.*
        from ${schema}.parked as d
        where d.lane = given.lane and d.state = 'retry' and d.next_attempt_at <= pg_catalog.statement_timestamp()
        and d.message_id <> all ($6::uuid[])${gated ? open : ''}${inOrder ? first : ''}
        order by d.next_attempt_at, d.parked_id
        limit $4::bigint
      ) as found
    order by found.next_attempt_at, found.parked_id
    limit $4::bigint
  ) as longest
  window in_order as (order by longest.next_attempt_at, longest.parked_id rows unbounded preceding)
) as page
where page.place = 1 or page.running <= $5::bigint
order by page.id`
}
