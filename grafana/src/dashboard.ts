import { placed, DATASOURCE, type RowSpec } from './layout.ts'
import type { Annotation, Dashboard, DashboardLink, Variable } from './model.ts'
import { series } from './selector.ts'
import { RUNBOOKS } from './links.ts'

export interface DashboardSpec {
  readonly name: string
  readonly title: string
  readonly description: string
  readonly rows: readonly RowSpec[]
  /** Where a look at minutes says nothing. @defaultValue `now-6h` */
  readonly from?: string
}

/** The schema of Grafana 9 and 10, which later ones lift themselves. */
const SCHEMA_VERSION = 39

export function dashboard({ name, title, description, rows, from = 'now-6h' }: DashboardSpec): Dashboard {
  return {
    ...{ uid: `waybill-${name}`, title: `Waybill / ${title}`, description, tags: ['waybill'] },
    ...{ editable: false, graphTooltip: 1, schemaVersion: SCHEMA_VERSION, version: 1 },
    ...{ timezone: '', time: { from, to: 'now' }, refresh: '30s', id: null },
    templating: { list: VARIABLES },
    annotations: { list: ANNOTATIONS },
    links: LINKS,
    panels: placed(rows),
  }
}

function query(name: string, label: string, text: string): Variable {
  return {
    ...{ name, label, type: 'query', datasource: DATASOURCE, query: { query: text, refId: name } },
    ...{ definition: text, multi: true, includeAll: true, allValue: '.+', refresh: 2, sort: 1 },
    current: { selected: true, text: ['All'], value: ['$__all'] },
  }
}

const RELAYS = 'outbox_relay_last_cycle_timestamp_seconds'
const anyOf = (...metrics: readonly string[]): string => `__name__=~"${metrics.join('|')}"`

const VARIABLES: readonly Variable[] = [
  {
    ...{ name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus' },
    ...{ multi: false, includeAll: false, refresh: 1, regex: '' },
  },
  query(
    'job',
    'Job',
    `label_values({${anyOf(RELAYS, 'inbox_consumer_connected', 'outbox_enqueued_messages_total')}}, job)`,
  ),
  query('instance', 'Instance', 'label_values(up{job=~"$job"}, instance)'),
  query(
    'outbox',
    'Outbox',
    `label_values({${anyOf(RELAYS, 'outbox_enqueued_messages_total')}, job=~"$job"}, outbox)`,
  ),
  query(
    'consumer',
    'Consumer',
    `label_values({${anyOf('inbox_consumer_connected', 'dlq_messages')}, job=~"$job"}, consumer)`,
  ),
  {
    ...{ name: 'admin', label: 'Admin API', type: 'textbox', query: 'http://127.0.0.1:9465/api/v1' },
    current: { text: 'http://127.0.0.1:9465/api/v1', value: 'http://127.0.0.1:9465/api/v1' },
  },
]

interface Mark {
  readonly name: string
  readonly colour: string
  readonly expr: string
  readonly text: string
}

/** What may explain a change in the curves. A mark is a moment, so the range is the step. */
const ANNOTATIONS: readonly Annotation[] = [
  {
    name: 'Lanes change hands',
    colour: 'blue',
    expr: `sum by (instance, outbox, event) (increase(${series('outbox_lease_transitions_total')}[1m])) > 0`,
    text: '{{event}} at {{instance}}',
  },
  {
    name: 'Another version runs',
    colour: 'purple',
    expr: `count by (job, version) (${series('outbox_build_info')}) unless count by (job, version) (${series('outbox_build_info')} offset 1m)`,
    text: '{{job}} {{version}}',
  },
  {
    name: 'Operators act on many',
    colour: 'orange',
    expr: `sum by (outbox, action, outcome) (increase(${series('admin_bulk_operations_total')}[1m])) > 0`,
    text: '{{action}} {{outcome}}',
  },
].map(({ name, colour, expr, text }: Mark) => ({
  ...{ name, datasource: DATASOURCE, enable: true, hide: false, iconColor: colour, expr, step: '60s' },
  ...{ titleFormat: name, textFormat: text },
}))

const LINKS: readonly DashboardLink[] = [
  {
    ...{ title: 'Waybill', type: 'dashboards', tags: ['waybill'], asDropdown: true },
    ...{ includeVars: true, keepTime: true, icon: 'external link', targetBlank: false },
  },
  link('Runbooks', `${RUNBOOKS}/README.md`),
  link('Failure groups', '${admin}/failure-groups'),
  link('Bulk operations', '${admin}/bulk-operations'),
]

function link(title: string, url: string): DashboardLink {
  return { title, type: 'link', url, icon: 'external link', targetBlank: true, tags: [] }
}
