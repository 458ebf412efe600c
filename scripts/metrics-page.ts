import { format, resolveConfig } from 'prettier'
import { ATTRIBUTES, BUCKETS, LABELS, METRICS, SEMCONV, SPANS, type Metric } from '../src/ports.ts'

export const METRICS_PAGE = 'docs/metrics.md'

const INTRODUCTION = `# Metrics, spans and labels

Made from \`src/telemetry/names.ts\` by \`npm run metrics\`.

A service gets its metrics by \`prometheusTelemetry({ registry, outbox })\` as the option \`telemetry\` of its outbox, consumers and
relay; the process \`waybill relay\` serves them at \`/metrics\` of its health port. Give the service and the relay of one outbox
the same name for the label \`outbox\` (\`WAYBILL_OUTBOX\`).

A gauge that is **sampled** is counted in the database every 15 seconds (\`WAYBILL_SAMPLE_MS\`) by one relay, whichever owns lane 0; the
others do not export it. Read it with \`max by (outbox, …)\`. No metric is counted when the page is read.

Counting does not weigh on the database: it stops at 10,001 or goes over to an estimate, no statement takes longer than two seconds, it
waits for a lock for a tenth of a second at most, and takes a twentieth of the time at most. What fails counts as
\`outbox_sample_failures_total\`; the values stay what they were, as \`outbox_sample_timestamp_seconds\` tells.

A relay with no more rights than it needs may not see since when transactions of other roles are open. Their age then counts from
when this relay has first seen them, as that of replication slots always does, so that
\`outbox_oldest_transaction_age_seconds\` may be too small after a restart. \`grant pg_read_all_stats\` to its role shows the whole age.

Every label has few values, and every series with known labels begins at 0, so that \`increase()\` sees the first event.
`

/** The page of all names, as it has to be. */
export async function metricsPageText(): Promise<string> {
  const metrics: readonly (readonly [string, Metric])[] = Object.entries(METRICS)
  const groups = GROUPS.map(({ title, prefix }) => {
    const rows = metrics
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, metric]) => metricRow(name, metric))
    return `## ${title}\n\n${table(['metric', 'kind', 'labels', 'meaning'], rows)}`
  })
  const buckets = Object.entries(BUCKETS).map(([name, bounds]) => [name, bounds.join(', ')])
  const text = [
    INTRODUCTION,
    ...groups,
    `## Buckets\n\n${table(['of', 'upper bounds'], buckets)}`,
    `## Labels\n\n${named(LABELS)}`,
    `## Values\n\nAll that these labels can say.\n\n${table(['metric', 'label', 'values'], metrics.flatMap(valueRows))}`,
    `## Spans\n\nBy the semantic conventions of OpenTelemetry ${SEMCONV}, whose messaging part is in development.\n\n${named(SPANS)}`,
    `## Attributes\n\n${Object.values(ATTRIBUTES)
      .map((name) => `\`${name}\``)
      .join(', ')}.`,
  ].join('\n\n')
  return format(text, { ...(await resolveConfig(METRICS_PAGE)), filepath: METRICS_PAGE })
}

const GROUPS = [
  { title: 'Outbox and relay', prefix: 'outbox_' },
  { title: 'Consumers', prefix: 'inbox_' },
  { title: 'Dead letters', prefix: 'dlq_' },
  { title: 'Operators', prefix: 'admin_' },
]

function metricRow(name: string, { type, labels, help, sampled, buckets }: Metric): readonly string[] {
  const kind = sampled === true ? `${type}, sampled` : buckets === undefined ? type : `${type}, ${buckets}`
  return [`\`${name}\``, kind, labels.map((label) => `\`${label}\``).join(' '), help]
}

function valueRows([name, { values = {} }]: readonly [string, Metric]): readonly (readonly string[])[] {
  return Object.entries(values).map(([label, known]) => [
    ...[`\`${name}\``, `\`${label}\``],
    known.map((value) => `\`${value}\``).join(' '),
  ])
}

function named(names: Readonly<Record<string, string>>): string {
  return table(
    ['name', 'meaning'],
    Object.entries(names).map(([name, meaning]) => [`\`${name}\``, meaning]),
  )
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}
