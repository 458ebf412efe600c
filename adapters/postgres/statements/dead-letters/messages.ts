import { iso } from './letter-columns.ts'

/** How many records of the outbox are looked through; those of an index would cost every write. */
export const MOST_LOOKED = 100_000
/** How many are, where headers are to be read. */
export const MOST_READ = 10_000

/** Where the message with the UUID `$1` is. Rows: place, consumer, state, letter, type, time. */
export function findMessage(schema: string): string {
  return `
select 'failure', f.consumer, f.state, 'in-' || f.failure_id, f.type, ${iso('f.received_at')}
from ${schema}.failure as f where f.message_id = $1::uuid
union all
select 'parked', null, p.state, 'out-' || p.parked_id, p.type, ${iso('p.parked_at')}
from ${schema}.parked as p where p.message_id = $1::uuid
union all
select 'inbox', i.consumer, null, null, null, ${iso('i.handled_at')}
from ${schema}.inbox as i where i.message_id = $1::uuid
union all
select 'scheduled', null, null, null, s.type, ${iso('s.created_at')}
from ${schema}.scheduled as s where s.message_id = $1::uuid
union all
select 'outbox', null, null, null, o.type, ${iso('o.created_at')}
from (select r.message_id, r.type, r.created_at from ${schema}.outbox as r limit ${String(MOST_LOOKED)}) as o
where o.message_id = $1::uuid`
}

/** Failures by the id `$1` that the sender wrote, when that is no UUID. */
export function findByOriginalId(schema: string): string {
  return `
select 'failure', f.consumer, f.state, 'in-' || f.failure_id, f.type, ${iso('f.received_at')}
from ${schema}.failure as f where f.original_id = $1::text`
}

/** Whether the outbox has at most `$1` records. */
export function isShort(schema: string): string {
  return `
select pg_catalog.count(*) <= $1::bigint from (select from ${schema}.outbox limit $1::bigint + 1) as o`
}

/** Messages with correlation id `$1`. Rows: as `findMessage`, then message id and causation id. */
export function findConversation(schema: string): string {
  const stored = (place: string, table: string, columns: string): string => `
  select '${place}' as place, null::text as consumer, ${columns}, r.type, r.created_at as at, r.message_id,
    ${schema}.stored_header(r.headers, 'waybill-causation') as causation
  from (select * from ${schema}.${table} limit ${String(MOST_READ)}) as r
  where pg_catalog.strpos(r.headers, 'correlation-id') > 0
    and ${schema}.stored_header(r.headers, 'correlation-id') = $1::text`
  return `
select c.place, c.consumer, c.state, c.letter, c.type, ${iso('c.at')}, c.message_id, c.causation from (
  select 'failure' as place, f.consumer, f.state, 'in-' || f.failure_id as letter, f.type,
    coalesce(f.created_at, f.received_at) as at, f.message_id, f.causation_id as causation
  from ${schema}.failure as f where f.correlation_id = $1::text
  union all${stored('parked', 'parked', `r.state, 'out-' || r.parked_id as letter`)}
  union all${stored('outbox', 'outbox', 'null::text as state, null::text as letter')}
  union all${stored('scheduled', 'scheduled', 'null::text as state, null::text as letter')}
) as c
order by c.at, c.message_id
limit 1000`
}
