import { backoffMs, type BackoffOptions } from '../retry/backoff.ts'
import type { Clock } from '../lifecycle/clock.ts'
import { isFinal, settle, type FinalVerdict, type SettleParts } from './settle.ts'
import type { Verdict, Work } from './verdict.ts'

/** Carries out verdicts: answers the broker, puts off, or sets aside until the database is back. */
export interface Answers {
  give(work: Work, verdict: Verdict, durationMs: number): void
  /** What was set aside goes on. @param atOnce the database has answered the first probe: it never was down. */
  giveSuspects(atOnce: boolean): void
  takeSuspects(): readonly Work[]
  suspects(): number
}

export interface AnswerWays {
  epoch(): number
  isStopping(): boolean
  again(work: Work): void
  later(work: Work, afterMs: number): void
  hold(): void
  readonly random?: () => number
}

const LATER_BACKOFF: BackoffOptions = { baseMs: 200, maxMs: 30_000, jitter: 0.5 }

/**
 * A message under whose handler the database fails so often, though it answers when asked, is taken for the cause: its
 * statement crashes the server, or takes longer than some timeout that ends connections.
 */
export const SUSPICIONS_LIMIT = 10

/**
 * A database that is down afterwards may have been brought down by the handler's statement, or not: this counts half.
 * From the second time on such messages wait, each for a time of its own, so that those that only ran beside the
 * cause part from it and are handled.
 */
const OUTAGE_SUSPICION = 0.5

export function createAnswers(parts: SettleParts & { readonly clock: Clock }, ways: AnswerWays): Answers {
  const aside: { readonly work: Work; readonly suspect: boolean; readonly error: unknown }[] = []

  const finish = (work: Work, verdict: FinalVerdict, durationMs: number): void => {
    settle(parts, work, { verdict, durationMs })
  }
  const putOff = (work: Work): void => {
    work.delays += 1
    ways.later(work, backoffMs(work.delays, LATER_BACKOFF, ways.random))
  }
  const isStale = (work: Work): boolean => work.epoch !== ways.epoch()

  return {
    give(work, verdict, durationMs) {
      if (isFinal(verdict)) {
        finish(work, verdict, durationMs)
        return
      }
      if (verdict.kind !== 'alone') {
        const { messageId, type } = work.delivery.envelope ?? {}
        parts.logger.warn({ messageId, type, error: verdict.error }, WHY[verdict.kind])
      }
      work.alone = true
      if (isStale(work)) return
      if (ways.isStopping()) {
        finish(work, { kind: 'release' }, durationMs)
      } else if (verdict.kind === 'alone') {
        ways.again(work)
      } else if (verdict.kind === 'later') {
        putOff(work)
      } else {
        aside.push({ work, suspect: verdict.suspect, error: verdict.error })
        ways.hold()
      }
    },
    giveSuspects(atOnce) {
      for (const { work, suspect, error } of aside.splice(0)) {
        if (isStale(work)) continue
        if (suspect) work.suspicions += atOnce ? 1 : OUTAGE_SUSPICION
        if (work.suspicions >= SUSPICIONS_LIMIT) {
          finish(work, { kind: 'dead', outcome: 'failed', reason: SUSPECT_REASON, error }, 0)
        } else if (atOnce || work.suspicions > OUTAGE_SUSPICION) {
          putOff(work)
        } else {
          ways.again(work)
        }
      }
    },
    takeSuspects: () => aside.splice(0).map(({ work }) => work),
    suspects: () => aside.length,
  }
}

const WHY = {
  later: 'Another transaction is handling the message; it is tried again later.',
  hold: 'The database failed; the message is tried again when it answers.',
} as const

const SUSPECT_REASON =
  'The database has failed under its handler again and again, though it answers otherwise.'
