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
  [/mark Lanes change hands/, 'They have changed hands before anybody looked.'],
  [/mark Another version runs/, 'None does.'],
]

/** What an operator leaves on the panels, over none at all. */
const OF_OPERATORS =
  /Out: decided on|What came of replays|Bulk operations that ended|What operators do|p99 of the admin|mark Operators/

/** What is above 0 once an operator was there. */
export const operatorQueries: readonly PanelQuery[] = panelQueries.filter(({ where }) =>
  OF_OPERATORS.test(where),
)

/** Whether a panel is to show something while there is load, failures included. */
export function hasData({ where }: PanelQuery): boolean {
  return !EMPTY.some(([of]) => of.test(where))
}
