import type { Dashboard, Panel, Target } from '../src/model.ts'
import { parsePromql, type Selector } from './promql.ts'

/** Something that a rule objects to. */
export interface Finding {
  readonly rule: string
  /** Where: the dashboard, and the panel if it is about one. */
  readonly where: string
  readonly says: string
}

/** Says what is wrong with a dashboard, each in a sentence with the title of the panel, if it is about one. */
export type Check = (dashboard: Dashboard) => Iterable<Problem>

export interface Problem {
  readonly panel?: Panel
  /** The selector that it is about, for the exclusions. */
  readonly selector?: Selector
  readonly says: string
}

export type Rules = Readonly<Record<string, Check>>

/** Panels that show something. */
export function contents({ panels }: Dashboard): readonly Panel[] {
  return panels.filter(({ type }) => type !== 'row')
}

export interface Asked {
  readonly panel: Panel
  readonly target: Target
  readonly isValid: boolean
  readonly selectors: readonly Selector[]
}

/** Every query of every panel, parsed. */
export function queries(dashboard: Dashboard): readonly Asked[] {
  return contents(dashboard).flatMap((panel) =>
    (panel.targets ?? []).map((target) => ({ panel, target, ...parsePromql(target.expr) })),
  )
}
