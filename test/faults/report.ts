import { appendFileSync } from 'node:fs'

/** What one scenario came to. */
export interface Report {
  readonly name: string
  readonly committed: number
  readonly arrivals: number
  readonly duplicates: number
  readonly faults: number
  /** From the stop of the writers, after the last fault, until nothing was left. */
  readonly drainedMs: number
}

/** Appends a line to the file that FAULTS_REPORT names, from which docs/faults.md takes the last results. */
export function report({ name, committed, arrivals, duplicates, faults, drainedMs }: Report): void {
  const file = process.env['FAULTS_REPORT']
  if (!file) return
  appendFileSync(file, `${JSON.stringify({ name, committed, arrivals, duplicates, faults, drainedMs })}\n`)
}
