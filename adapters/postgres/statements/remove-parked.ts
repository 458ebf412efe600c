/**
 * Removes parked records that were published after all: `$1` lanes, `$2` positions, `$3` message ids. Of those that an
 * operator has replayed an event of the audit says that it has succeeded, as nothing else is left of them.
 * One row for each.
 *
 * Locks: the rows. Index: `parked_message_id`.
 */
export function removeParked(schema: string): string {
  return `
with gone as (
  delete from ${schema}.parked as p
  using unnest($1::smallint[], $2::bigint[], $3::uuid[]) as n (lane, id, message_id)
  where p.message_id = n.message_id and p.lane = n.lane and p.id = n.id
  returning p.parked_id, p.replays
), noted as (
  insert into ${schema}.audit_event (actor, via, action, target, outcome)
  select 'relay', 'program', 'dead-letters.published', 'out-' || parked_id, 'done' from gone where replays > 0
)
select 1 from gone`
}
