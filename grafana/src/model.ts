/** A dashboard as Grafana reads it: the parts of its classic JSON that we write. */
export interface Dashboard {
  readonly uid: string
  readonly title: string
  readonly description: string
  readonly editable: boolean
  readonly schemaVersion: number
  readonly tags: readonly string[]
  readonly templating: { readonly list: readonly Variable[] }
  readonly annotations: { readonly list: readonly Annotation[] }
  readonly links: readonly DashboardLink[]
  readonly panels: readonly Panel[]
  readonly [other: string]: unknown
}

export interface Variable {
  readonly name: string
  readonly label: string
  readonly type: 'datasource' | 'query' | 'textbox'
  readonly query: string | { readonly query: string; readonly refId: string }
  readonly datasource?: Datasource
  readonly multi?: boolean
  readonly includeAll?: boolean
  readonly allValue?: string
  /** 2: whenever the range of time changes. */
  readonly refresh?: number
  readonly [other: string]: unknown
}

export interface Datasource {
  readonly type: 'prometheus'
  readonly uid: string
}

export interface Annotation {
  readonly name: string
  readonly datasource: Datasource
  readonly expr: string
  readonly [other: string]: unknown
}

export interface DashboardLink {
  readonly title: string
  readonly type: 'link' | 'dashboards'
  readonly [other: string]: unknown
}

export interface Place {
  readonly x: number
  readonly y: number
  readonly w: number
  readonly h: number
}

export type PanelType = 'row' | 'stat' | 'timeseries' | 'heatmap' | 'state-timeline' | 'table'

export interface Panel {
  readonly id: number
  readonly type: PanelType
  readonly title: string
  readonly description?: string
  readonly gridPos: Place
  readonly datasource?: Datasource
  readonly targets?: readonly Target[]
  readonly fieldConfig?: {
    readonly defaults: {
      readonly unit?: string
      readonly thresholds?: object
      readonly [other: string]: unknown
    }
    readonly overrides: readonly object[]
  }
  readonly [other: string]: unknown
}

export interface Target {
  readonly refId: string
  readonly expr: string
  readonly datasource?: Datasource
  readonly [other: string]: unknown
}
