import type { Dashboard } from '../src/model.ts'
import { EXCLUSIONS } from './exclusions.ts'
import { metricRules } from './metric-rules.ts'
import { panelRules } from './panel-rules.ts'
import type { Finding, Problem, Rules } from './rule.ts'
import { targetRules } from './target-rules.ts'
import { templateRules } from './template-rules.ts'

/**
 * The rules of Grafana's dashboard linter, by their names there, and some of our own. Its two rules for LogQL have nothing to look at
 * here: no panel shows logs.
 */
export const RULES: Rules = { ...templateRules, ...panelRules, ...targetRules, ...metricRules }

/** What is wrong with a dashboard, but for what is excluded. */
export function lint(dashboard: Dashboard): readonly Finding[] {
  return Object.entries(RULES).flatMap(([rule, check]) =>
    [...check(dashboard)]
      .filter((problem) => !isExcluded(rule, problem))
      .map(({ panel, says }) => ({
        rule,
        where: panel === undefined ? dashboard.title : `${dashboard.title}: ${panel.title}`,
        says,
      })),
  )
}

function isExcluded(rule: string, { selector }: Problem): boolean {
  return (
    selector !== undefined &&
    EXCLUSIONS.some((exclusion) => exclusion.rule === rule && exclusion.of(selector))
  )
}
