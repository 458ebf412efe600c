import type { InboxVerdict } from '../inbox/inbox-store.ts'
import type { Clock } from '../lifecycle/clock.ts'
import { attempt, type AttemptOutcome, type AttemptParts, type Task } from './attempt.ts'
import type { Reading } from './read.ts'
import { readAll, type ReadAllParts } from './read-all.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import { knownType } from './settle.ts'
import type { Verdict, Work } from './verdict.ts'

export interface JudgeParts<Tx> extends ReadAllParts<Tx>, AttemptParts<Tx> {
  readonly clock: Clock
  readonly shutdown: AbortSignal
  readonly telemetry: Telemetry
  readonly random?: () => number
}

export interface Judged {
  readonly work: Work
  readonly verdict: Verdict
}

/** Tries beyond the first when the database asks to try the same again. */
const IMMEDIATE_RETRIES = 2
const RETRY_MIN_MS = 50
const RETRY_MAX_MS = 250

/**
 * Reads deliveries, runs their handlers in one transaction and says how to answer each, in their order. Never rejects.
 * When a transaction of several fails, each of them is to be tried alone.
 */
export async function judge<Tx>(parts: JudgeParts<Tx>, works: readonly Work[]): Promise<readonly Judged[]> {
  for (let tries = 1; ; tries += 1) {
    const readings = await readAll(parts, works)
    const tasks = readings.flatMap(({ reading }) => (isTask(reading) ? [reading] : []))
    const outcome: AttemptOutcome = await attempt(parts, tasks)
    const again = outcome.kind === 'transient' && tasks.length === 1 && tries <= IMMEDIATE_RETRIES
    if (!again) {
      if ('error' in outcome && tasks.length > 1) tellBatchFailed(parts, outcome.error, tasks.length)
      return readings.map(({ work, reading }) => {
        return { work, verdict: isTask(reading) ? verdictOn(outcome, tasks, reading) : reading }
      })
    }
    const [work] = works
    if (work !== undefined) parts.telemetry.triedAgain?.(parts.consumer, knownType(parts.messages, work))
    parts.logger.debug({ error: outcome.error }, 'The database asks to try a message again.')
    const jitterMs = (RETRY_MAX_MS - RETRY_MIN_MS) * (parts.random ?? Math.random)()
    await parts.clock.sleep(RETRY_MIN_MS + jitterMs, { signal: parts.shutdown })
  }
}

function isTask<Tx>(reading: Reading<Tx>): reading is Task<Tx> {
  return 'handle' in reading
}

function verdictOn<Tx>(outcome: AttemptOutcome, tasks: readonly Task<Tx>[], task: Task<Tx>): Verdict {
  switch (outcome.kind) {
    case 'done':
      return onHandled(outcome.verdicts[tasks.indexOf(task)])
    case 'stopped':
      return { kind: 'release' }
    case 'infrastructure': {
      const { error, suspect } = outcome
      return { kind: 'hold', error, suspect: suspect !== null && tasks[suspect] === task }
    }
    case 'failed':
    case 'transient':
    case 'busy':
      return tasks.length > 1 ? { kind: 'alone' } : onFailed(outcome)
  }
}

function onHandled(verdict: InboxVerdict | undefined): Verdict {
  if (verdict === 'first') return { kind: 'ack', outcome: 'handled' }
  if (verdict === 'duplicate') return { kind: 'ack', outcome: 'duplicate' }
  if (verdict === 'blocked') return { kind: 'ack', outcome: 'waiting' }
  const text = 'Its id was handled before for a message of another type or source.'
  return { kind: 'failed', outcome: 'conflict', reason: 'conflict', text }
}

function onFailed({
  kind,
  error,
}: Extract<AttemptOutcome, { kind: 'failed' | 'transient' | 'busy' }>): Verdict {
  if (kind === 'busy') return { kind: 'later', error }
  return { kind: 'failed', outcome: 'failed', reason: 'failed', text: 'The handler failed.', error }
}

function tellBatchFailed(parts: Pick<JudgeParts<unknown>, 'logger'>, error: unknown, messages: number): void {
  parts.logger.info({ error, messages }, 'A batch failed; its messages are handled one by one.')
}
