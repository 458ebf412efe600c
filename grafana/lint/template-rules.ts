import type { Dashboard, Variable } from '../src/model.ts'
import { parsePromql } from './promql.ts'
import type { Problem, Rules } from './rule.ts'

const EVERY_TIME = 2

/** What readers choose from. */
export const templateRules: Rules = {
  *'template-datasource'({ templating: { list } }) {
    const sources = list.filter(({ type }) => type === 'datasource')
    const [source] = sources
    if (source === undefined || sources.length > 1)
      yield says('There is not exactly one variable for the data source.')
    else if (source.name !== 'datasource' && source.name !== 'prometheus_datasource') {
      yield says(`The variable of the data source is called ${source.name}, not datasource.`)
    } else if (source.label !== 'Data source')
      yield says('The variable datasource is not labelled "Data source".')
    else if (source.query !== 'prometheus') yield says('The variable datasource is not for Prometheus.')
  },
  'template-job': (dashboard) => choice(dashboard, 'job'),
  'template-instance': (dashboard) => choice(dashboard, 'instance'),
  *'template-label-promql'({ templating: { list } }) {
    for (const variable of list.filter(({ type }) => type === 'query')) {
      const selector = /^label_values\((.*),\s*\w+\)$/s.exec(queryOf(variable))?.[1]
      if (selector === undefined)
        yield says(`The query of ${variable.name} is no label_values(series, label).`)
      else if (!parsePromql(selector).isValid)
        yield says(`The query of ${variable.name} does not parse: ${selector}`)
    }
  },
  *'template-on-time-change-reload'({ templating: { list } }) {
    for (const { name, type, refresh } of list) {
      if (type === 'query' && refresh !== EVERY_TIME)
        yield says(`Variable ${name} is not read anew when the time changes.`)
    }
  },
  *'uneditable-dashboard'({ editable }) {
    if (editable) yield says('It can be edited, and the next provisioning would undo it.')
  },
}

function* choice({ templating: { list } }: Dashboard, name: string): Iterable<Problem> {
  const variable = list.find((candidate) => candidate.name === name)
  if (variable === undefined) {
    yield says(`There is no variable ${name}.`)
    return
  }
  if (variable.type !== 'query') yield says(`Variable ${name} is no query.`)
  if (!queryOf(variable).startsWith('label_values('))
    yield says(`Variable ${name} is not made of label_values.`)
  if (variable.datasource?.uid !== '$datasource') yield says(`Variable ${name} does not read $datasource.`)
  if (variable.multi !== true) yield says(`Variable ${name} takes one value only.`)
  if (variable.includeAll !== true) yield says(`Variable ${name} has no "All".`)
  if (variable.allValue !== '.+') yield says(`"All" of variable ${name} is not .+`)
}

function queryOf({ query }: Variable): string {
  return typeof query === 'string' ? query : query.query
}

const says = (text: string): Problem => ({ says: text })
