import { DASHBOARDS } from '../../grafana/src/dashboards.ts'

export interface PanelQuery {
  readonly where: string
  /** With its variables replaced by all there is. */
  readonly expr: string
}

/** Every query of every panel and annotation, as Grafana would send it. */
export const panelQueries: readonly PanelQuery[] = Object.values(DASHBOARDS).flatMap(
  ({ title, panels, annotations }) => [
    ...panels.flatMap((panel) =>
      (panel.targets ?? []).map(({ refId, expr }) => ({
        where: `${title}: ${panel.title} ${refId}`,
        expr: sent(expr),
      })),
    ),
    ...annotations.list.map(({ name, expr }) => ({ where: `${title}: mark ${name}`, expr: sent(expr) })),
  ],
)

function sent(expr: string): string {
  return expr
    .replaceAll('$__rate_interval', '20s')
    .replaceAll('$__range', '1m')
    .replaceAll(/\$(job|instance|outbox|consumer)\b/g, '.+')
}

/** What has no value as long as all is well, with the reason. */
const EMPTY: readonly (readonly [of: RegExp, reason: string])[] = [
  [/mark /, 'Nothing has happened that explains anything.'],
  [/Alerts that fire/, 'None does.'],
  [/Since it was cleaned up last/, 'Empty until the first time.'],
  [/Rows that (relays|consumers) removed/, 'Nothing is old enough.'],
  [/Since the last vacuum/, 'Small tables are not vacuumed.'],
  [/Bulk operations|What operators do|Out: decided on|p99 of the admin API/, 'There is no operator.'],
]

/** Whether a panel is to show something while there is load, failures included. */
export function hasData({ where }: PanelQuery): boolean {
  return !EMPTY.some(([of]) => of.test(where))
}
