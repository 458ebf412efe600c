import type { Datasource, Panel, Place, Target } from './model.ts'
import type { PanelSpec, Query } from './panels.ts'

/** Panels that answer one question. */
export interface RowSpec {
  readonly question: string
  readonly panels: readonly PanelSpec[]
}

export const DATASOURCE: Datasource = { type: 'prometheus', uid: '$datasource' }

const COLUMNS = 24

/** Places the panels of each row from left to right, a new line where one does not fit. */
export function placed(rows: readonly RowSpec[]): readonly Panel[] {
  const panels: Panel[] = []
  let y = 0
  const nextId = (): number => panels.length + 1
  for (const { question, panels: specs } of rows) {
    panels.push({
      ...{ id: nextId(), type: 'row', title: question, collapsed: false, panels: [] },
      gridPos: { x: 0, y, w: COLUMNS, h: 1 },
    })
    let place: Place = { x: 0, y: y + 1, w: 0, h: 0 }
    for (const spec of specs) {
      place = after(place, spec)
      panels.push(panelOf(spec, { id: nextId(), gridPos: place }))
    }
    y = Math.max(...panels.map(({ gridPos }) => gridPos.y + gridPos.h))
  }
  return panels
}

function after(last: Place, { width, height }: PanelSpec): Place {
  const x = last.x + last.w
  // Panels of one line have one height; another height begins another line.
  const fits = x + width <= COLUMNS && (last.h === 0 || last.h === height)
  return fits ? { x, y: last.y, w: width, h: height } : { x: 0, y: last.y + last.h, w: width, h: height }
}

function panelOf(spec: PanelSpec, { id, gridPos }: Pick<Panel, 'id' | 'gridPos'>): Panel {
  const { type, title, description, unit, thresholds, queries, link, defaults, options, more } = spec
  const steps = thresholds.map(([value, color]) => ({ value, color }))
  const links = link === undefined ? [] : [{ ...link, targetBlank: true }]
  return {
    ...{ id, type, title, description, gridPos, datasource: DATASOURCE },
    targets: queries.map(targetOf),
    fieldConfig: {
      defaults: { unit, thresholds: { mode: 'absolute', steps }, ...defaults, links },
      overrides: [],
    },
    options,
    ...more,
  }
}

function targetOf({ expr, legend, exemplar, format }: Query, index: number): Target {
  return {
    ...{ refId: String.fromCharCode('A'.charCodeAt(0) + index), datasource: DATASOURCE, editorMode: 'code' },
    ...{ expr, legendFormat: legend, exemplar: exemplar ?? false },
    ...(format === 'table' ? { instant: true, range: false } : { instant: false, range: true }),
    ...(format !== undefined && { format }),
  }
}
