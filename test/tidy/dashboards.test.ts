import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { EXCLUSIONS } from '../../grafana/lint/exclusions.ts'
import { lint } from '../../grafana/lint/lint.ts'
import { parsePromql } from '../../grafana/lint/promql.ts'
import { RULES } from '../../grafana/lint/lint.ts'
import { DASHBOARDS, dashboardFiles, DASHBOARDS_FOLDER } from '../../grafana/src/dashboards.ts'
import type { Dashboard } from '../../grafana/src/model.ts'
import { alertsFrom } from '../../prometheus/src/rules.ts'
import { VALUES } from '../../prometheus/src/values.ts'
import { PROJECT_ROOT } from '../support/child.ts'
import { repositoryFiles, textOf } from './repository.ts'

const files = repositoryFiles().filter((file) => file.startsWith(`${DASHBOARDS_FOLDER}/`))
const dashboards = files.map((file) => ({ file, dashboard: JSON.parse(textOf(file)) as Dashboard }))

describe('grafana/dashboards', () => {
  it('are what grafana/src makes; `npm run dashboards` writes them', async () => {
    const made = [...(await dashboardFiles())].map(([name, text]) => [`${DASHBOARDS_FOLDER}/${name}`, text])
    expect(Object.fromEntries(files.map((file) => [file, textOf(file)]))).toEqual(Object.fromEntries(made))
  })

  it.each(dashboards)('break no rule in $file', ({ dashboard }) => {
    expect(lint(dashboard)).toEqual([])
  })

  it('have ids and titles of their own, and link to one another', () => {
    expect(new Set(dashboards.map(({ dashboard }) => dashboard.uid)).size).toBe(dashboards.length)
    expect(new Set(dashboards.map(({ dashboard }) => dashboard.title)).size).toBe(dashboards.length)
    const links = dashboards.map(({ dashboard }) => dashboard.links.map(({ title }) => title))
    for (const titles of links) expect(titles).toEqual(expect.arrayContaining(['Waybill', 'Runbooks']))
  })

  it('link to runbooks of alerts that exist', () => {
    const names = alertsFrom(VALUES).map(({ name }) => name)
    const linked = files.flatMap((file) =>
      [...textOf(file).matchAll(/\/runbooks\/(\w+)\.md/g)].map(([, name]) => name),
    )
    expect(linked.length).toBeGreaterThan(0)
    expect(linked.filter((name) => name !== 'README' && !names.includes(name!))).toEqual([])
  })

  it.each(dashboards)('mark in $file what may explain a change, by queries that parse', ({ dashboard }) => {
    const { list } = dashboard.annotations
    expect(list.length).toBeGreaterThan(2)
    expect(list.filter(({ expr }) => !parsePromql(expr).isValid)).toEqual([])
  })

  it('show traces beside every latency', () => {
    const without = Object.values(DASHBOARDS).flatMap(({ panels }) =>
      panels.flatMap(({ title, targets }) =>
        (targets ?? [])
          .filter(({ expr }) => /quantile.*(latency|confirm_duration|handler_duration)_seconds/.test(expr))
          .filter(({ exemplar }) => exemplar !== true)
          .map(() => title),
      ),
    )
    expect(without).toEqual([])
  })
})

describe('the exclusions from the rules', () => {
  it('each have a reason and a rule that exists, and are needed', () => {
    const selectors = dashboards.flatMap(({ dashboard }) =>
      dashboard.panels.flatMap(({ targets }) =>
        (targets ?? []).flatMap(({ expr }) => parsePromql(expr).selectors),
      ),
    )
    for (const { rule, of, reason } of EXCLUSIONS) {
      expect(Object.keys(RULES)).toContain(rule)
      expect(reason).not.toBe('')
      expect(selectors.some(of)).toBe(true)
    }
  })
})

interface Datasources {
  readonly datasources: readonly {
    readonly uid: string
    readonly editable: boolean
    readonly jsonData?: object
  }[]
}

describe('grafana/provisioning', () => {
  it('gives every data source a fixed uid, and exemplars one that exists', () => {
    const { datasources } = parse(textOf('grafana/provisioning/datasources/datasources.yml')) as Datasources
    const uids = datasources.map(({ uid }) => uid)
    expect(uids).toEqual(['prometheus', 'tempo'])
    expect(datasources.every(({ editable }) => !editable)).toBe(true)
    expect(datasources[0]!.jsonData).toMatchObject({
      exemplarTraceIdDestinations: [{ name: 'trace_id', datasourceUid: 'tempo' }],
    })
  })

  it('reads dashboards that nobody can change', () => {
    const { providers } = parse(textOf('grafana/provisioning/dashboards/waybill.yml')) as {
      readonly providers: readonly object[]
    }
    expect(providers).toMatchObject([{ type: 'file', allowUiUpdates: false }])
  })
})

describe('prometheus/prometheus.yml', () => {
  it('reads the rules of this repository, and jobs by the names that they know', () => {
    const { rule_files: rules, scrape_configs: jobs } = parse(textOf('prometheus/prometheus.yml')) as {
      readonly rule_files: readonly string[]
      readonly scrape_configs: readonly { readonly job_name: string }[]
    }
    expect(rules).toEqual(['rules/*.yml'])
    expect(existsSync(join(PROJECT_ROOT, 'prometheus/rules/slo.yml'))).toBe(true)
    expect(jobs.filter(({ job_name: job }) => !new RegExp(`^(${VALUES.jobs})$`).test(job))).toEqual([])
  })
})
