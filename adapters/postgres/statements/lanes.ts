/**
 * Who holds which lane.
 * Locks: none. Index: none, 16 rows.
 */
export function lanes(schema: string): string {
  return `
select l.lane, l.epoch, l.owner, r.host, coalesce(r.expires_at > pg_catalog.clock_timestamp(), false)
from ${schema}.lane as l left join ${schema}.relay as r on r.relay_id = l.owner
order by l.lane`
}
