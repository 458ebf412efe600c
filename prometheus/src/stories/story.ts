/** What happens to some series, a sample a minute, and what an alert makes of it. */
export interface Story {
  readonly alert: string
  readonly what: string
  /** Samples in the notation of promtool, by series. */
  readonly series: Readonly<Record<string, string>>
  /** How many alerts of this name fire, by minutes since the beginning. */
  readonly firing: Readonly<Record<number, number>>
  /** What one of the alerts says at a minute. */
  readonly says?: {
    readonly at: number
    readonly labels: Readonly<Record<string, string>>
    readonly summary: string
    readonly description: string
  }
}

/** A series of the relay at `instance`. */
export const relay = (metric: string, more = '', instance = 'relay-1'): string =>
  series(metric, `outbox="orders"${more}`, { job: 'waybill-relay', instance })

/** A series of a service that consumes. */
export const service = (metric: string, more = ''): string =>
  series(metric, `consumer="billing"${more}`, { job: 'waybill-billing', instance: 'billing-1' })

function series(
  metric: string,
  labels: string,
  { job, instance }: { readonly job: string; readonly instance: string },
): string {
  return `${metric}{job="${job}",instance="${instance}",${labels}}`
}
