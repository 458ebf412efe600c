import type { StatusReport } from '../../relay/cli/status-command.ts'
import type { Child } from '../support/child.ts'

/** What a process says of itself. */
export interface Sample {
  readonly at: number
  readonly process: string
  /** Status of `/readyz`; null when it did not answer in time. */
  readonly ready: number | null
  /** Why it is not, or not quite. */
  readonly reasons: string
  readonly metrics: ReadonlyMap<string, number>
}

const ANSWER_MS = 2_000

/** Where a process listens, as it has said at its start. */
export async function portOf(child: Child): Promise<number> {
  const line = await child.line(/"port":\d+/)
  return Number(/"port":(\d+)/.exec(line)?.[1])
}

export async function sampleOf(name: string, port: number): Promise<Sample> {
  const [ready, page] = await Promise.all([ask(port, '/readyz'), ask(port, '/metrics')])
  return {
    ...{ at: Date.now(), process: name },
    ...{ ready: ready?.status ?? null, reasons: ready?.text ?? '' },
    metrics: valuesOf(page?.text ?? ''),
  }
}

/** Sum of all series of a metric, or of those whose labels contain `labels`. */
export function sum({ metrics }: Sample, name: string, labels = ''): number {
  let total = 0
  for (const [series, value] of metrics) {
    const [metric = '', rest = ''] = series.split('{')
    if (metric === name && rest.includes(labels)) total += value
  }
  return total
}

async function ask(
  port: number,
  path: string,
): Promise<{ readonly status: number; readonly text: string } | null> {
  try {
    const signal = AbortSignal.timeout(ANSWER_MS)
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal })
    return { status: response.status, text: await response.text() }
  } catch {
    return null // Frozen, or gone: that is an answer too.
  }
}

function valuesOf(page: string): ReadonlyMap<string, number> {
  const values = new Map<string, number>()
  for (const line of page.split('\n')) {
    const match = /^([a-z_]+(?:\{.*\})?) (\S+)$/.exec(line)
    if (match) values.set(match[1]!, Number(match[2]))
  }
  return values
}

/** What `waybill status --json` has printed. */
export const statusOf = (output: string): StatusReport => JSON.parse(output) as StatusReport
