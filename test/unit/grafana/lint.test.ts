import { describe, expect, it } from 'vitest'
import { lint, RULES } from '../../../grafana/lint/lint.ts'
import { parsePromql } from '../../../grafana/lint/promql.ts'
import { DASHBOARDS } from '../../../grafana/src/dashboards.ts'
import type { Dashboard, Panel, Variable } from '../../../grafana/src/model.ts'

const good = DASHBOARDS['overview']!
const [row, panel, other] = good.panels as readonly [Panel, Panel, Panel]

const withPanel = (changed: Partial<Panel>): Dashboard => ({
  ...good,
  panels: [row, { ...panel, ...changed }],
})
const asking = (expr: string): Dashboard => withPanel({ targets: [{ ...panel.targets![0]!, expr }] })
const withVariable = (name: string, changed: Partial<Variable>): Dashboard => ({
  ...good,
  templating: {
    list: good.templating.list.map((each) => (each.name === name ? { ...each, ...changed } : each)),
  },
})
const without = (name: string): Dashboard => ({
  ...good,
  templating: { list: good.templating.list.filter((each) => each.name !== name) },
})

const AT = 'job=~"$job", instance=~"$instance"'
const rows = (count: number): readonly Panel[] =>
  Array.from({ length: count }, (_, index) => ({
    ...panel,
    id: index + 2,
    gridPos: { x: 0, y: 1 + index, w: 4, h: 1 },
  }))

/** What breaks one rule each. */
const BAD: readonly (readonly [rule: string, what: string, dashboard: Dashboard])[] = [
  ['template-datasource', 'no variable for the data source', without('datasource')],
  ['template-datasource', 'another name for it', withVariable('datasource', { name: 'source' })],
  ['template-datasource', 'another label for it', withVariable('datasource', { label: 'Source' })],
  ['template-job', 'no variable for the job', without('job')],
  ['template-job', 'a job of which only one can be chosen', withVariable('job', { multi: false })],
  ['template-instance', 'no variable for the instance', without('instance')],
  ['template-instance', 'instances without "All"', withVariable('instance', { includeAll: false })],
  [
    'template-instance',
    '"All" that takes nothing for something',
    withVariable('instance', { allValue: '.*' }),
  ],
  [
    'template-label-promql',
    'a variable that does not parse',
    withVariable('job', { query: 'label_values(up{, job)' }),
  ],
  ['template-label-promql', 'a variable that is no label', withVariable('outbox', { query: 'metrics(up)' })],
  ['template-on-time-change-reload', 'a variable that gets old', withVariable('outbox', { refresh: 1 })],
  ['uneditable-dashboard', 'a dashboard that can be edited', { ...good, editable: true }],
  [
    'panel-datasource',
    'a data source of its own',
    withPanel({ datasource: { type: 'prometheus', uid: 'mine' } }),
  ],
  ['panel-title-description', 'no title', withPanel({ title: ' ' })],
  ['panel-title-description', 'no description', withPanel({ description: '' })],
  ['panel-units', 'no unit', withPanel({ fieldConfig: { defaults: { thresholds: {} }, overrides: [] } })],
  [
    'panel-units',
    'a unit that Grafana has not got',
    withPanel({ fieldConfig: { defaults: { unit: 'seconds', thresholds: {} }, overrides: [] } }),
  ],
  ['panel-no-targets', 'a panel that asks nothing', withPanel({ targets: [] })],
  [
    'panel-thresholds',
    'no thresholds',
    withPanel({ fieldConfig: { defaults: { unit: 's' }, overrides: [] } }),
  ],
  ['unique-ids', 'an id twice', { ...good, panels: [row, panel, { ...other, id: panel.id }] }],
  ['unique-ids', 'a refId twice', withPanel({ targets: [panel.targets![0]!, panel.targets![0]!] })],
  [
    'no-overlap',
    'a panel over another',
    { ...good, panels: [row, panel, { ...other, gridPos: panel.gridPos }] },
  ],
  ['no-overlap', 'a panel beyond the screen', withPanel({ gridPos: { x: 22, y: 1, w: 4, h: 4 } })],
  ['rows-ask', 'a row that asks nothing', { ...good, panels: [{ ...row, title: 'Health' }, panel] }],
  ['rows-ask', 'panels without a row', { ...good, panels: [panel] }],
  ['rows-are-short', 'thirteen panels in a row', { ...good, panels: [row, ...rows(13)] }],
  ['target-promql', 'a query that does not parse', asking(`sum by (job (up{${AT}})`)],
  ['target-promql', 'an empty query', asking('')],
  [
    'target-rate-interval',
    'a rate over five minutes',
    asking(`sum(rate(outbox_published_messages_total{${AT}}[5m]))`),
  ],
  ['target-job', 'any job', asking('outbox_lease_held{instance=~"$instance"}')],
  ['target-instance', 'any instance', asking('outbox_lease_held{job=~"$job"}')],
  ['target-counter-agg', 'a bare counter', asking(`sum(outbox_published_messages_total{${AT}})`)],
  [
    'target-counter-agg',
    'a counter under max_over_time',
    asking(`max_over_time(outbox_published_messages_total{${AT}}[5m])`),
  ],
  ['metric-exists', 'a metric that is not made', asking(`outbox_published_total_messages{${AT}}`)],
  ['metric-exists', 'a part of what is no histogram', asking(`outbox_lease_held_bucket{${AT}}`)],
  ['label-exists', 'a label that it has not got', asking(`outbox_lease_held{${AT}, shard="1"}`)],
  [
    'value-exists',
    'a value that a label never has',
    asking(`rate(outbox_publish_failures_total{${AT}, reason=~"gated|returned"}[$__rate_interval])`),
  ],
  [
    'quantile-keeps-le',
    'buckets that are summed up',
    asking(
      `histogram_quantile(0.9, sum by (outbox) (rate(outbox_delivery_latency_seconds_bucket{${AT}}[$__rate_interval])))`,
    ),
  ],
  [
    'sampled-by-max',
    'what is sampled, summed',
    asking('sum by (outbox) (outbox_pending_messages{job=~"$job"})'),
  ],
  ['sampled-by-max', 'what is sampled, as it is', asking('outbox_pending_messages{job=~"$job"}')],
]

describe('the rules for dashboards', () => {
  it.each(BAD)('%s finds %s, and no other rule does', (rule, _what, dashboard) => {
    expect([...new Set(lint(dashboard).map((finding) => finding.rule))]).toEqual([rule])
  })

  it('are each broken by one of these at least', () => {
    expect(Object.keys(RULES).filter((name) => !BAD.some(([rule]) => rule === name))).toEqual([])
  })

  it('find nothing in what they were taken from', () => {
    expect(lint(good)).toEqual([])
  })
})

describe('an expression', () => {
  it('is read with its metrics, matchers, range and what is around them', () => {
    const { selectors } = parsePromql(
      'max by (a, b) (rate(some_total{job=~"$job", x!="1"}[$__rate_interval]))',
    )
    expect(selectors).toEqual([
      {
        metric: 'some_total',
        matchers: new Map([
          ['job', { operator: '=~', value: '$job' }],
          ['x', { operator: '!=', value: '1' }],
        ]),
        range: '$__rate_interval',
        inside: [
          { name: 'rate', by: [] },
          { name: 'max', by: ['a', 'b'] },
        ],
      },
    ])
  })
})
