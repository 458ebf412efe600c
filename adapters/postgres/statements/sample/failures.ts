import { COUNT_UP_TO } from './kept.ts'

/**
 * What is kept of each consumer that has a failure: consumer, dead letters, messages that are tried again, those that wait,
 * the age in milliseconds of the oldest dead letter, and how many kinds of failures there are among the dead letters.
 * Locks: none. Index: `failure_list`, from one consumer to the next.
 */
export function failures(schema: string): string {
  const most = String(COUNT_UP_TO)
  const counted = (state: string): string => `(
    select pg_catalog.count(*) from (
      select from ${schema}.failure as f where f.consumer = named.consumer and f.state = '${state}'
      order by f.failed_at, f.failure_id limit ${most}
    ) as counted
  )`
  const after = (condition: string): string => `
    select f.consumer from ${schema}.failure as f ${condition} order by f.consumer limit 1`
  return `
with recursive named (consumer) as (
  (${after('')})
  union all
  select next.consumer from named cross join lateral (${after('where f.consumer > named.consumer')}) as next
)
select named.consumer, dead.letters, ${counted('retry')}, ${counted('waiting')},
  extract(epoch from pg_catalog.clock_timestamp() - dead.oldest) * 1000, dead.kinds
from named cross join lateral (
  select pg_catalog.count(*) as letters, pg_catalog.min(letter.failed_at) as oldest,
    pg_catalog.count(distinct coalesce(letter.fingerprint, letter.reason || ' ' || letter.type) collate "C") as kinds
  from (
    select f.failed_at, f.fingerprint, f.reason, f.type from ${schema}.failure as f
    where f.consumer = named.consumer and f.state = 'dead' order by f.failed_at, f.failure_id limit ${most}
  ) as letter
) as dead
order by named.consumer`
}
