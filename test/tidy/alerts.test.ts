import { basename } from 'node:path'
import { describe, expect, it } from 'vitest'
import { FAULTS, metricOf } from '../../grafana/lint/metric-rules.ts'
import { parsePromql } from '../../grafana/lint/promql.ts'
import { DASHBOARDS } from '../../grafana/src/dashboards.ts'
import { alertsFrom, expressionsFrom, ruleFiles, RULES_FOLDER } from '../../prometheus/src/rules.ts'
import { stories, testFiles, TESTS_FOLDER } from '../../prometheus/src/tests.ts'
import { VALUES } from '../../prometheus/src/values.ts'
import { COMMANDS } from '../../relay/cli/commands.ts'
import { BUCKETS, METRICS } from '../../src/ports.ts'
import { repositoryFiles, textOf } from './repository.ts'
import { commandsOf, fencesOf, runbooks, RUNBOOKS } from './runbook-pages.ts'

const alerts = alertsFrom(VALUES)
const expressions = expressionsFrom(VALUES)

function committed(folder: string): ReadonlyMap<string, string> {
  const files = repositoryFiles().filter((file) => file.startsWith(`${folder}/`))
  return new Map(files.map((file) => [basename(file), textOf(file)]))
}

const faultsIn = (expr: string): readonly string[] => {
  const { isValid, selectors } = parsePromql(expr)
  if (!isValid) return [`It does not parse: ${expr}`]
  return selectors.flatMap((selector) =>
    Object.values(FAULTS).flatMap((fault) => {
      const found = fault(selector)
      return found === null ? [] : [`${selector.metric} ${found}`]
    }),
  )
}

describe('prometheus/rules', () => {
  it('are what prometheus/src makes of its values; `npm run rules` writes them', async () => {
    expect(committed(RULES_FOLDER)).toEqual(new Map(await ruleFiles(VALUES)))
    expect(committed(TESTS_FOLDER)).toEqual(new Map(await testFiles(VALUES.runbooks)))
  })

  it.each(expressions)(
    'ask in $name for metrics and labels that exist, as they are to be read',
    ({ expr }) => {
      expect(faultsIn(expr)).toEqual([])
    },
  )

  it('leave no metric out: each is in a rule or on a panel', () => {
    const asked = [
      ...expressions.map(({ expr }) => expr),
      ...Object.values(DASHBOARDS).flatMap(({ panels }) =>
        panels.flatMap(({ targets }) => (targets ?? []).map(({ expr }) => expr)),
      ),
    ]
    const seen = new Set(
      asked.flatMap((expr) => parsePromql(expr).selectors.map(({ metric }) => metricOf(metric))),
    )
    expect(Object.entries(METRICS).filter(([, metric]) => !seen.has(metric))).toEqual([])
  })

  it('measure the delivery at a bound that the buckets have', () => {
    expect(BUCKETS.latency).toContain(VALUES.objectives.deliverySeconds)
  })

  it('have no name twice, and say in each description what the value is', () => {
    expect(new Set(alerts.map(({ name }) => name)).size).toBe(alerts.length)
    expect(alerts.filter(({ description }) => !/\{\{ \$value( \||\s?\}\})/.test(description))).toEqual([])
  })
})

describe('prometheus/tests', () => {
  it.each(alerts)('let $name be silent, fire, and be silent again', ({ name }) => {
    const courses = stories
      .filter(({ alert }) => alert === name)
      .map(({ firing }) => Object.values(firing).map((count) => count > 0))
    expect(courses).toContainEqual(expect.arrayContaining([false, true, false]))
    expect(
      courses.some((course) => course.includes(true) && course[0] === false && course.at(-1) === false),
    ).toBe(true)
  })
})

describe('docs/runbooks', () => {
  const SECTIONS = ['Meaning', 'Impact', 'Diagnose', 'Mitigate', 'Escalate']
  const pages = runbooks()

  it('has a page for each alert, which the index lists with its severity', () => {
    expect(pages.map(({ alert }) => alert).sort()).toEqual(alerts.map(({ name }) => name).sort())
    const index = textOf(`${RUNBOOKS}/README.md`)
    const unlisted = alerts.filter(
      ({ name, severity }) =>
        !new RegExp(`^\\| \\[${name}\\]\\(${name}\\.md\\) +\\| ${severity} `, 'm').test(index),
    )
    expect(unlisted.map(({ name }) => name)).toEqual([])
  })

  it.each(pages)('says of $alert all that is needed, in the same order', ({ alert, text }) => {
    expect(text.split('\n')[0]).toBe(`# ${alert}`)
    expect([...text.matchAll(/^## (.*)$/gm)].map(([, title]) => title)).toEqual(SECTIONS)
    expect(text).toContain(`Severity ${alerts.find(({ name }) => name === alert)!.severity}:`)
  })

  it.each(pages)('names for $alert commands and options that exist', (page) => {
    const strange = commandsOf(page).filter(([name, ...words]) => {
      const command = COMMANDS.find((candidate) => candidate.name === name)
      const options = words.filter((word) => word.startsWith('--')).map((word) => word.slice(2))
      return command === undefined || options.some((option) => !(option in command.options))
    })
    expect(strange).toEqual([])
  })

  it.each(pages)('asks Prometheus about $alert for metrics that exist', (page) => {
    const lines = fencesOf(page, 'promql').flatMap((code) => code.trim().split('\n'))
    expect(lines.flatMap(faultsIn)).toEqual([])
  })
})
