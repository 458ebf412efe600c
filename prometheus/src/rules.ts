import { format, resolveConfig } from 'prettier'
import { stringify } from 'yaml'
import { brokerAlerts } from './alerts/broker.ts'
import { consumerAlerts } from './alerts/consumers.ts'
import { relayAlerts } from './alerts/relay.ts'
import { sloAlerts } from './alerts/slo.ts'
import { storageAlerts } from './alerts/storage.ts'
import { recordings } from './recordings.ts'
import type { Alert, AlertsOf, Recording } from './rule.ts'
import type { Values } from './values.ts'

export const RULES_FOLDER = 'prometheus/rules'

const SUBJECTS: Readonly<Record<string, AlertsOf>> = {
  slo: sloAlerts,
  relay: relayAlerts,
  broker: brokerAlerts,
  consumers: consumerAlerts,
  storage: storageAlerts,
}

/** All alerts, in the order of their files. */
export function alertsFrom(values: Values): readonly Alert[] {
  return Object.values(SUBJECTS).flatMap((alertsOf) => alertsOf(values))
}

export interface NamedExpression {
  readonly name: string
  readonly expr: string
}

/** Every expression that Prometheus evaluates for us. */
export function expressionsFrom(values: Values): readonly NamedExpression[] {
  return [
    ...recordings(values).map(({ record, expr }) => ({ name: record, expr })),
    ...alertsFrom(values).map(({ name, expr }) => ({ name, expr })),
  ]
}

/** The text of each rule file, by its name. */
export async function ruleFiles(values: Values): Promise<ReadonlyMap<string, string>> {
  const groups = [
    { name: 'recordings', rules: recordings(values).map((rule) => ({ ...rule }) satisfies Recording) },
    ...Object.entries(SUBJECTS).map(([name, alertsOf]) => ({
      name,
      rules: alertsOf(values).map((alert) => alertingRule(alert, values)),
    })),
  ]
  const texts = groups.map(async ({ name, rules }) => {
    const group = { name: `waybill-${name}`, interval: values.interval, rules }
    return [`${name}.yml`, await pretty(HEAD + stringify({ groups: [group] }, { lineWidth: 0 }))] as const
  })
  return new Map(await Promise.all(texts))
}

const HEAD = '# Made from prometheus/src by `npm run rules`.\n'

function alertingRule(alert: Alert, { runbooks }: Values): object {
  const { name, severity, expr, summary, description } = alert
  return {
    alert: name,
    expr,
    ...(alert.for !== undefined && { for: alert.for }),
    labels: { severity },
    annotations: { summary, description, runbook_url: `${runbooks}/${name}.md` },
  }
}

async function pretty(text: string): Promise<string> {
  return format(text, { ...(await resolveConfig(`${RULES_FOLDER}/slo.yml`)), parser: 'yaml' })
}
