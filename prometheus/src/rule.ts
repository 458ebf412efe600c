import type { Duration, Values } from './values.ts'

/** `page` wakes somebody, `warn` is looked at today, `ticket` this week. */
export type Severity = 'page' | 'warn' | 'ticket'

export interface Alert {
  readonly name: string
  readonly severity: Severity
  readonly expr: string
  /** How long it must have been so. Left out: it fires at once. */
  readonly for?: Duration
  /** One line for the pager, with labels as templates. */
  readonly summary: string
  /** What is the matter, with the value, and what follows from it. */
  readonly description: string
}

/** Alerts about one subject; a file of their own. */
export type AlertsOf = (values: Values) => readonly Alert[]

export interface Recording {
  readonly record: string
  readonly expr: string
}

/** The labels by which one outbox is told from another. */
export const OUTBOX = 'job, outbox'
/** The labels by which one consumer is told from another. */
export const CONSUMER = 'job, consumer'

/** One line: the indentation of the source is no part of an expression. */
export function promql(parts: TemplateStringsArray, ...values: readonly (string | number)[]): string {
  return String.raw({ raw: parts }, ...values)
    .replace(/\s+/g, ' ')
    .trim()
}

/** A gauge that one relay counts for all, with the label that the last relay that counted had taken away. */
export const sampled = (metric: string, by: string = OUTBOX): string => `max by (${by}) (${metric})`

export const increase = (metric: string, range: Duration, by: string = OUTBOX): string =>
  `sum by (${by}) (increase(${metric}[${range}]))`

export const rate = (metric: string, range: Duration, by: string = OUTBOX): string =>
  `sum by (${by}) (rate(${metric}[${range}]))`
