import { format, resolveConfig } from 'prettier'
import { inboxAndDeadLetters } from './dashboards/inbox-and-dead-letters.ts'
import { overview } from './dashboards/overview.ts'
import { postgres } from './dashboards/postgres.ts'
import { relay } from './dashboards/relay.ts'
import { slo } from './dashboards/slo.ts'
import type { Dashboard } from './model.ts'

export const DASHBOARDS_FOLDER = 'grafana/dashboards'

/** By the name of their file. */
export const DASHBOARDS: Readonly<Record<string, Dashboard>> = {
  overview,
  relay,
  'inbox-and-dead-letters': inboxAndDeadLetters,
  postgres,
  slo,
}

/** The text of each dashboard, by the name of its file. */
export async function dashboardFiles(): Promise<ReadonlyMap<string, string>> {
  const options = { ...(await resolveConfig(`${DASHBOARDS_FOLDER}/overview.json`)), parser: 'json' }
  const texts = Object.entries(DASHBOARDS).map(
    async ([name, dashboard]) =>
      [`${name}.json`, await format(JSON.stringify(dashboard, null, 2), options)] as const,
  )
  return new Map(await Promise.all(texts))
}
