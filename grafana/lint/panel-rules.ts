import { contents, type Problem, type Rules } from './rule.ts'
import type { Panel, Place } from '../src/model.ts'

/** Those of Grafana that make sense here. */
const UNITS = new Set([
  ...['none', 'short', 'percent', 'percentunit', 'bool', 'bool_yes_no', 'bool_on_off', 'string'],
  ...['s', 'ms', 'dtdurations', 'dateTimeFromNow', 'bytes', 'decbytes', 'Bps'],
  ...['mps', 'ops', 'reqps', 'cps', 'rowsps'],
])

const MOST_IN_A_ROW = 12
const COLUMNS = 24

/** What a panel has to say about itself, and where it is. */
export const panelRules: Rules = {
  *'panel-datasource'(dashboard) {
    for (const panel of contents(dashboard)) {
      const sources = [panel.datasource, ...(panel.targets ?? []).map(({ datasource }) => datasource)]
      if (sources.some((source) => source?.uid !== '$datasource'))
        yield { panel, says: 'It does not read $datasource.' }
    }
  },
  *'panel-title-description'(dashboard) {
    for (const panel of contents(dashboard)) {
      if (panel.title.trim() === '') yield { panel, says: 'It has no title.' }
      if ((panel.description ?? '').trim() === '') yield { panel, says: 'It has no description.' }
    }
  },
  *'panel-units'(dashboard) {
    for (const panel of contents(dashboard)) {
      const unit = panel.fieldConfig?.defaults.unit
      if (unit === undefined || !UNITS.has(unit)) yield { panel, says: `Its unit is ${String(unit)}.` }
    }
  },
  *'panel-no-targets'(dashboard) {
    for (const panel of contents(dashboard)) {
      if ((panel.targets ?? []).length === 0) yield { panel, says: 'It asks nothing.' }
    }
  },
  *'panel-thresholds'(dashboard) {
    for (const panel of contents(dashboard)) {
      const { thresholds } = panel.fieldConfig?.defaults ?? {}
      if (thresholds === undefined) yield { panel, says: 'It has no thresholds.' }
    }
  },
  *'unique-ids'({ panels }) {
    for (const panel of repeated(panels, ({ id }) => id))
      yield { panel, says: `Another panel has the id ${panel.id}.` }
    const named = panels.map((panel) => ({ panel, ids: (panel.targets ?? []).map(({ refId }) => refId) }))
    for (const { panel, ids } of named) {
      if (new Set(ids).size < ids.length) yield { panel, says: 'Two of its queries have the same refId.' }
    }
  },
  *'no-overlap'({ panels }) {
    for (const [index, panel] of panels.entries()) {
      const { x, w } = panel.gridPos
      if (x < 0 || w < 1 || x + w > COLUMNS) yield { panel, says: 'It is wider than the screen.' }
      for (const other of panels.slice(index + 1)) {
        if (overlap(panel.gridPos, other.gridPos)) yield { panel, says: `It lies over "${other.title}".` }
      }
    }
  },
  *'rows-ask'({ panels }) {
    if (panels[0]?.type !== 'row') yield { says: 'It does not begin with a row.' }
    for (const row of panels.filter(({ type }) => type === 'row')) {
      if (!row.title.endsWith('?')) yield { panel: row, says: 'The title of the row is no question.' }
    }
  },
  *'rows-are-short'({ panels }) {
    yield* tooLong(panels)
  },
}

function* tooLong(panels: readonly Panel[]): Iterable<Problem> {
  let row: Panel | undefined
  let count = 0
  for (const panel of panels) {
    if (panel.type === 'row') {
      row = panel
      count = 0
    } else count += 1
    if (row && count === MOST_IN_A_ROW + 1)
      yield { panel: row, says: `The row has more than ${MOST_IN_A_ROW} panels.` }
  }
}

function repeated<Item>(items: readonly Item[], idOf: (item: Item) => unknown): readonly Item[] {
  return items.filter((item, index) => items.findIndex((other) => idOf(other) === idOf(item)) < index)
}

function overlap(a: Place, b: Place): boolean {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h
}
