import { expect, it } from 'vitest'
import { METRICS_PAGE, metricsPageText } from '../../scripts/metrics-page.ts'
import { METRICS } from '../../src/ports.ts'
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
