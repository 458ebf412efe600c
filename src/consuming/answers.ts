import { backoffMs, type BackoffOptions } from '../retry/backoff.ts'
import type { Clock } from '../lifecycle/clock.ts'
import { limitRepeats } from '../telemetry/limit-repeats.ts'
import { isFinal, settle, type FinalVerdict, type SettleParts } from './settle.ts'
import type { FailedVerdict, Verdict, Work } from './verdict.ts'

/** What is left of the verdicts once that what failed is kept. */
export type AnswerVerdict = Exclude<Verdict, FailedVerdict>

/** Carries out verdicts: answers the broker, puts off, or sets aside until the database is back. */
export interface Answers {
  /** @returns whether it is over: otherwise it is tried again. */
  give(work: Work, verdict: AnswerVerdict, durationMs: number): boolean
  /** What was set aside goes on. @param atOnce the database has answered the first probe: it never was down. */
  giveSuspects(atOnce: boolean): void
  takeSuspects(): readonly Work[]
  suspects(): number
}

export interface AnswerWays {
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
  const repeating = limitRepeats(parts.logger, parts.clock)
  const aside: { readonly work: Work; readonly suspect: boolean; readonly error: unknown }[] = []

  const isOver = ({ session }: Work): boolean => session.state !== 'live' || ways.isStopping()

  const finish = (work: Work, verdict: FinalVerdict, durationMs: number): boolean => {
    settle(parts, work, { verdict, durationMs })
    return true
  }
  const putOff = (work: Work): void => {
    work.delays += 1
    ways.later(work, backoffMs(work.delays, LATER_BACKOFF, ways.random))
  }

  return {
    give(work, verdict, durationMs) {
      if (isFinal(verdict)) {
        return finish(work, verdict, durationMs)
      }
      if (verdict.kind !== 'alone') {
        const { messageId, type } = work.delivery.envelope ?? {}
        repeating.warn({ messageId, type, error: verdict.error }, WHY[verdict.kind])
      }
      work.alone = true
      if (work.session.state === 'lost') return true
      if (isOver(work)) return finish(work, { kind: 'release' }, durationMs)
      if (verdict.kind === 'alone') {
        ways.again(work)
      } else if (verdict.kind === 'later') {
        putOff(work)
      } else {
        aside.push({ work, suspect: verdict.suspect, error: verdict.error })
        ways.hold()
      }
      return false
    },
    giveSuspects(atOnce) {
      for (const { work, suspect, error } of aside.splice(0)) {
        if (work.session.state !== 'live') continue
        if (suspect) work.suspicions += atOnce ? 1 : OUTAGE_SUSPICION
        if (work.suspicions >= SUSPICIONS_LIMIT) {
          work.decided = {
            kind: 'failed',
            outcome: 'failed',
            reason: 'poison_crash',
            text: SUSPECT_TEXT,
            error,
          }
          ways.again(work)
        } else if (atOnce || work.suspicions > OUTAGE_SUSPICION) {
          putOff(work)
        } else {
          ways.again(work)
        }
      }
    },
    takeSuspects: () => aside.splice(0).map(({ work }) => work),
    suspects: () => aside.filter(({ work }) => work.session.state === 'live').length,
  }
}

const WHY = {
  later: 'The message cannot be handled now; it is tried again later.',
  hold: 'The database failed; the message is tried again when it answers.',
} as const

const SUSPECT_TEXT = 'The database has failed under its handler again and again, though it answers otherwise.'
