import { describe, expect, it } from 'vitest'
import { metricOf } from '../../grafana/lint/metric-rules.ts'
import { METRICS_PAGE, metricsPageText } from '../../scripts/metrics-page.ts'
import { METRICS, type Metric } from '../../src/ports.ts'
import { repositoryFiles, textOf } from './repository.ts'

it('has in docs/metrics.md what src/telemetry/names.ts says; `npm run metrics` writes it', async () => {
  expect(textOf(METRICS_PAGE)).toBe(await metricsPageText())
})

it('makes every metric somewhere, and no other', () => {
  const code = repositoryFiles().filter((file) => /^adapters\/prometheus\/.*\.ts$/.test(file))
  const made = new Set(
    code.flatMap((file) => textOf(file).match(/'(outbox|inbox|dlq|admin)_[a-z_]+'/g) ?? []),
  )
  expect([...made].map((name) => name.slice(1, -1)).sort()).toEqual(Object.keys(METRICS).sort())
})

describe('test/integration/telemetry', () => {
  const tests = repositoryFiles()
    .filter((file) => /^test\/integration\/telemetry\/.*\.test\.ts$/.test(file))
    .map(textOf)
    .join('\n')
  const isAsked = (what: string): boolean => new RegExp(`['"^(]${what}['"\\\\{]`).test(tests)

  it('provokes every metric', () => {
    expect(Object.keys(METRICS).filter((name) => !isAsked(name))).toEqual([])
  })

  it('provokes everything that a label of it can say', () => {
    const metrics: readonly (readonly [string, Metric])[] = Object.entries(METRICS)
    const silent = metrics.flatMap(([name, { values = {} }]) =>
      Object.entries(values).flatMap(([label, known]) =>
        // By itself, or with how often, as `handled 3`.
        known
          .filter((value) => !new RegExp(`['" ]${value}(['"]| [1-9])`).test(tests))
          .map((value) => `${name} ${label}=${value}`),
      ),
    )
    expect(silent).toEqual([])
  })
})

/** Called as metrics are, and none: a sequence, and a table of somebody else's. */
const NO_METRICS = new Set(['outbox_id_seq', 'outbox_events'])

it('names in pages and manifests only metrics that exist', () => {
  const pages = repositoryFiles().filter((file) => /\.(md|ya?ml)$/.test(file))
  const strange = pages.flatMap((page) =>
    [...textOf(page).matchAll(/(?<![\w.:])(?:outbox|inbox|dlq|admin)_[a-z0-9_]+\b/g)]
      .filter(([name]) => !NO_METRICS.has(name) && metricOf(name) === undefined)
      .map(([name]) => `${page}: ${name}`),
  )
  expect(strange).toEqual([])
})

it('names metrics as Prometheus wants it: counters end in _total, and what has a unit says so', () => {
  const misnamed = Object.entries(METRICS).filter(([name, { type, unit }]) => {
    const isTotal = name.endsWith('_total')
    const saysUnit = unit !== 'seconds' && unit !== 'bytes' ? true : name.includes(`_${unit}`)
    return (type === 'counter') !== isTotal || !saysUnit
  })
  expect(misnamed.map(([name]) => name)).toEqual([])
})

it('names no metric as the family of a counter is called in OpenMetrics, where a reader would get neither', () => {
  const families = Object.keys(METRICS).map((name) => name.replace(/_total$/, ''))
  expect(families.filter((family, index) => families.indexOf(family) !== index)).toEqual([])
})
