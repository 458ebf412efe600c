/** Nothing is counted further. */
export const COUNT_UP_TO = 10_001

/**
 * What is kept beside the outbox, in one row: the time in milliseconds since 1970, messages for later and parked ones that are
 * tried again, dead ones, keys that have a parked one, and bulk operations that are running, paused and watched.
 * Locks: none. Index: the primary key of `scheduled`, `parked_list` and `parked_blocked`; bulk operations are few.
 */
export function kept(schema: string): string {
  const most = String(COUNT_UP_TO)
  const parked = (state: string): string => `(
    select pg_catalog.count(*) from (
      select from ${schema}.parked where state = '${state}' order by failed_at, parked_id limit ${most}
    ) as counted
  )`
  return `
select
  pg_catalog.floor(extract(epoch from pg_catalog.clock_timestamp()) * 1000),
  least(${most}, ${parked('retry')} + (
    select pg_catalog.count(*) from (select from ${schema}.scheduled limit ${most}) as counted
  )),
  ${parked('dead')},
  (
    select pg_catalog.count(*) from (
      select distinct lane, key from (
        select lane, key from ${schema}.parked
        where state <> 'discarded' and key is not null order by lane, key limit ${most}
      ) as looked
    ) as keys
  ),
  bulk.running, bulk.paused, bulk.watching
from (
  select pg_catalog.count(*) filter (where state = 'running') as running,
    pg_catalog.count(*) filter (where state = 'paused') as paused,
    pg_catalog.count(*) filter (where state = 'watching') as watching
  from ${schema}.bulk_operation
) as bulk`
}
