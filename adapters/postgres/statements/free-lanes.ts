/** Takes the lanes of the relays in `owners` from them, and keeps what they have said of them last. */
export function freeLanes(schema: string, owners: string): string {
  const said = (better: string, otherwise: string): string =>
    `case when r.floors[l.lane + 1] is null then l.${otherwise} else r.${better} end`
  return `
update ${schema}.lane as l
set owner = null, floor = ${said('floors[l.lane + 1]', 'floor')}, base = ${said('bases[l.lane + 1]', 'base')},
  server = ${said('server', 'server')}
from ${owners} as r
where l.owner = r.relay_id`
}
