import type { AuditFilter, Place } from '../../../../src/ports.ts'
import { createValues } from './conditions.ts'
import { iso } from './letter-columns.ts'
import type { Query } from './list-letters.ts'

/** Notes what was done; one element of each list for each event, details as JSON. */
export function noteEvents(schema: string): string {
  return `
insert into ${schema}.audit_event (
  actor, roles, via, address, request_id, trace_id, action, target, outcome, reason, details
)
select e.actor, array(select pg_catalog.jsonb_array_elements_text(e.roles::jsonb)), e.via, e.address, e.request_id,
  e.trace_id, e.action, e.target, e.outcome, e.reason, e.details::jsonb
from unnest(
  $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
  $10::text[], $11::text[]
) with ordinality as e (
  actor, roles, via, address, request_id, trace_id, action, target, outcome, reason, details, place
)
order by e.place`
}

/** The last events that the filter finds. Indexes: the primary key, or that of the actor or the target. */
export function listEvents(
  schema: string,
  filter: AuditFilter,
  { after, limit }: { readonly after: Place | null; readonly limit: number },
): Query {
  const values = createValues()
  const found = ['true']
  for (const name of ['actor', 'action', 'target', 'outcome'] as const) {
    const value = filter[name]
    if (value !== undefined) found.push(`a.${name} = ${values.add(value, 'text')}`)
  }
  const { from, until } = filter
  if (from !== undefined) found.push(`a.at >= ${values.add(from.toISOString(), 'timestamptz')}`)
  if (until !== undefined) found.push(`a.at < ${values.add(until.toISOString(), 'timestamptz')}`)
  if (after !== null) found.push(`a.event_id < ${values.add(after[0], 'bigint')}`)
  const text = `
select a.event_id, ${iso('a.at')}, a.actor, pg_catalog.array_to_json(a.roles), a.via, a.address, a.request_id, a.trace_id,
  a.action, a.target, a.outcome, a.reason, a.details::text
from ${schema}.audit_event as a
where ${found.join(' and ')}
order by a.event_id desc
limit ${values.add(limit, 'bigint')}`
  return { text, values: values.list }
}

/**
 * Actor `$1` asks with key `$2` for what digest `$3` stands for. A row when that is new; waits for another transaction with
 * the same key. Keys are good for a day.
 */
export function askOnce(schema: string): string {
  return `
insert into ${schema}.idempotency_key as k (actor, key, request) values ($1::text, $2::text, $3::text)
on conflict (actor, key) do update
set request = excluded.request, answer = null, created_at = pg_catalog.clock_timestamp()
where k.created_at < pg_catalog.clock_timestamp() - interval '24 hours'
returning 1`
}

export function askedBefore(schema: string): string {
  return `
select request, answer from ${schema}.idempotency_key where actor = $1::text and key = $2::text`
}

export function noteAnswer(schema: string): string {
  return `
update ${schema}.idempotency_key set answer = $3::text where actor = $1::text and key = $2::text`
}
