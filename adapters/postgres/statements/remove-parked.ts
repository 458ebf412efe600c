/**
 * Removes parked records that were published after all: `$1` lanes, `$2` positions, `$3` message ids.
 * One row for each.
 *
 * Locks: the rows. Index: `parked_message_id`.
 */
export function removeParked(schema: string): string {
  return `
delete from ${schema}.parked as p
using unnest($1::smallint[], $2::bigint[], $3::uuid[]) as n (lane, id, message_id)
where p.message_id = n.message_id and p.lane = n.lane and p.id = n.id
returning 1`
}
