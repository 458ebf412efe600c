import { format, resolveConfig } from 'prettier'
import { stringify } from 'yaml'
import { brokerStories } from './stories/broker.ts'
import { consumerStories } from './stories/consumers.ts'
import { relayStories } from './stories/relay.ts'
import { sloStories } from './stories/slo.ts'
import { storageStories } from './stories/storage.ts'
import type { Story } from './stories/story.ts'

export const TESTS_FOLDER = 'prometheus/tests'

const STORIES: Readonly<Record<string, readonly Story[]>> = {
  slo: sloStories,
  relay: relayStories,
  broker: brokerStories,
  consumers: consumerStories,
  storage: storageStories,
}

export const stories: readonly Story[] = Object.values(STORIES).flat()

/** The text of each file for `promtool test rules`, by its name. */
export async function testFiles(runbooks: string): Promise<ReadonlyMap<string, string>> {
  const options = { ...(await resolveConfig(`${TESTS_FOLDER}/slo.test.yml`)), parser: 'yaml' }
  const texts = Object.entries(STORIES).map(async ([name, told]) => {
    const file = {
      rule_files: ['../rules/recordings.yml', `../rules/${name}.yml`],
      evaluation_interval: '1m',
      // Otherwise promtool takes any, another one each time.
      group_eval_order: ['waybill-recordings', `waybill-${name}`],
      tests: told.map((story) => testOf(story, runbooks)),
    }
    return [`${name}.test.yml`, await format(HEAD + stringify(file, { lineWidth: 0 }), options)] as const
  })
  return new Map(await Promise.all(texts))
}

const HEAD = '# Made from prometheus/src/stories by `npm run rules`.\n'

function testOf({ alert, what, series, firing, says }: Story, runbooks: string): object {
  return {
    name: `${alert}: ${what}`,
    interval: '1m',
    input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
    promql_expr_test: Object.entries(firing).map(([minute, value]) => ({
      expr: `count(ALERTS{alertname="${alert}",alertstate="firing"}) or vector(0)`,
      eval_time: `${minute}m`,
      exp_samples: [{ labels: '{}', value }],
    })),
    ...(says !== undefined && { alert_rule_test: [sayingOf(alert, says, runbooks)] }),
  }
}

function sayingOf(
  alertname: string,
  { at, labels, summary, description }: NonNullable<Story['says']>,
  runbooks: string,
): object {
  const annotations = { summary, description, runbook_url: `${runbooks}/${alertname}.md` }
  return {
    alertname,
    eval_time: `${at}m`,
    exp_alerts: [{ exp_labels: labels, exp_annotations: annotations }],
  }
}
