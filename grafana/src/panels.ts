import type { Panel, PanelType } from './model.ts'

/** A panel before it has its place. */
export interface PanelSpec {
  readonly type: Exclude<PanelType, 'row'>
  readonly title: string
  readonly description: string
  readonly unit: string
  readonly width: number
  readonly height: number
  readonly thresholds: readonly Step[]
  readonly queries: readonly Query[]
  readonly link?: Link
  readonly defaults?: object
  readonly options: object
  readonly more?: Partial<Pick<Panel, 'transformations' | 'repeat'>>
}

export interface Query {
  readonly expr: string
  readonly legend: string
  /** Shows traces beside the values. */
  readonly exemplar?: true
  readonly format?: 'heatmap' | 'table'
}

/** From this value on it has this colour; the first is for all that is less. */
export type Step = readonly [value: number | null, colour: 'green' | 'yellow' | 'red' | 'blue' | 'text']

export interface Link {
  readonly title: string
  readonly url: string
}

interface Given {
  readonly title: string
  readonly description: string
  readonly unit: string
  readonly queries: readonly Query[]
  readonly thresholds?: readonly Step[]
  readonly width?: number
  readonly height?: number
  readonly link?: Link
}

const FINE: readonly Step[] = [[null, 'green']]
export const NONE: readonly Step[] = [
  [null, 'green'],
  [1, 'red'],
]
/** Of 0 and 1, where 1 is well. */
export const WELL: readonly Step[] = [
  [null, 'red'],
  [1, 'green'],
]

export function above(yellow: number, red: number): readonly Step[] {
  return [
    [null, 'green'],
    [yellow, 'yellow'],
    [red, 'red'],
  ]
}

export function stat(given: Given): PanelSpec {
  return {
    ...{ type: 'stat', width: 4, height: 4, thresholds: FINE, ...given },
    defaults: { color: { mode: 'thresholds' }, noValue: '–' },
    options: {
      reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
      ...{ colorMode: 'value', graphMode: 'area', textMode: 'auto', justifyMode: 'auto' },
      orientation: 'auto',
    },
  }
}

export function timeseries(given: Given & { readonly stacked?: true }): PanelSpec {
  const { stacked, ...rest } = given
  const hasLimits = (given.thresholds ?? []).length > 1
  return {
    ...{ type: 'timeseries', width: 8, height: 8, thresholds: FINE, ...rest },
    defaults: {
      min: 0,
      color: { mode: 'palette-classic' },
      custom: {
        ...{ drawStyle: 'line', lineWidth: 1, fillOpacity: stacked ? 40 : 10, showPoints: 'never' },
        stacking: { mode: stacked ? 'normal' : 'none', group: 'A' },
        thresholdsStyle: { mode: hasLimits ? 'dashed' : 'off' },
      },
    },
    options: {
      legend: { displayMode: 'list', placement: 'bottom', showLegend: true, calcs: [] },
      tooltip: { mode: 'multi', sort: 'desc' },
    },
  }
}

/** Where how many values lie, over time. */
export function heatmap(given: Given): PanelSpec {
  const queries = given.queries.map((query) => ({ ...query, format: 'heatmap' as const }))
  return {
    ...{ type: 'heatmap', width: 8, height: 8, thresholds: FINE, ...given, queries },
    options: {
      calculate: false,
      yAxis: { axisPlacement: 'left', unit: given.unit },
      color: { mode: 'scheme', scheme: 'Oranges', steps: 64 },
      ...{ cellGap: 1, legend: { show: true }, tooltip: { mode: 'single', yHistogram: true } },
    },
  }
}

/** States of 0 and 1 over time, a line for each. */
export function timeline(given: Given & { readonly states: readonly [no: string, yes: string] }): PanelSpec {
  const { states, ...rest } = given
  const [no, yes] = states
  return {
    ...{ type: 'state-timeline', width: 12, height: 8, thresholds: FINE, ...rest },
    defaults: {
      color: { mode: 'thresholds' },
      custom: { fillOpacity: 80, lineWidth: 0 },
      mappings: [{ type: 'value', options: { 0: { text: no }, 1: { text: yes } } }],
    },
    options: {
      ...{ mergeValues: true, showValue: 'never', alignValue: 'left', rowHeight: 0.9 },
      legend: { displayMode: 'list', placement: 'bottom', showLegend: true },
      tooltip: { mode: 'single', sort: 'none' },
    },
  }
}

/** What is so now, a line for each, without the columns that say nothing. */
export function table(given: Given & { readonly hidden?: readonly string[] }): PanelSpec {
  const { hidden = [], ...rest } = given
  const queries = given.queries.map((query) => ({ ...query, format: 'table' as const }))
  const excluded = ['Time', '__name__', ...hidden].map((name) => [name, true] as const)
  return {
    ...{ type: 'table', width: 12, height: 8, thresholds: FINE, ...rest, queries },
    options: { showHeader: true, cellHeight: 'sm', footer: { show: false } },
    more: {
      transformations: [{ id: 'organize', options: { excludeByName: Object.fromEntries(excluded) } }],
    },
  }
}
