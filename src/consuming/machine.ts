import { isPermanentError } from '../retry/permanent-error.ts'
import { createAnswers, type Answers, type AnswerVerdict } from './answers.ts'
import { createBreaker, type Breaker } from './breaker.ts'
import { createDispatcher, type Dispatcher } from './dispatcher.ts'
import { apart } from './failures/apart.ts'
import { createKeeper, type Kept, type Keeper } from './failures/keeper.ts'
import { tellKept } from './failures/tell-kept.ts'
import { createHold, type Hold, type HoldParts } from './hold.ts'
import { judge, type Judged, type JudgeParts } from './judge.ts'
import type { Mode } from './mode.ts'
import type { ConsumingParts } from './parts.ts'
import type { SettleParts } from './settle.ts'
import type { Subscriber } from './subscriber.ts'
import { beginHandling, endHandling } from './trace-handling.ts'
import type { FailedVerdict, Verdict, Work } from './verdict.ts'
import { createWatches, type Watches } from './watch.ts'

/** What a delivery goes through: it waits in the dispatcher, is judged and answered; the hold stops it all for a while. */
export interface Machine {
  readonly dispatcher: Dispatcher<Work>
  readonly hold: Hold
  readonly answers: Answers
  readonly watches: Watches
  /** Null when it is switched off. */
  readonly breaker: Breaker | null
}

export interface Surroundings {
  /** Aborts when no more is to begin. */
  readonly stopping: AbortSignal
  /** Aborts when what runs is not waited for any longer. */
  readonly shutdown: AbortSignal
  readonly subscriber: () => Subscriber | null
  readonly mode: Mode
  /** A kept message may be due now. */
  readonly onDue: () => void
}

export function createMachine<Tx>(parts: ConsumingParts<Tx>, around: Surroundings): Machine {
  const { clock, limits } = parts
  const watches = createWatches(clock)
  const { queue } = around.mode
  const { telemetry, consumer } = parts
  const keeper = createKeeper({
    ...parts,
    ...{ settings: parts.failures, isKeyed: parts.keyed !== null, watches },
    retriesUnknownTypes: parts.onUnknownType === 'retry',
    onDue: around.onDue,
  })

  const breaker = breakerOf(parts, () => {
    dispatcher.look()
  })
  const dispatcher = createDispatcher<Work>({
    ...{ clock, queue, concurrency: limits.concurrency },
    ...(breaker === null ? {} : { most: breaker.most }),
    onRunning: (count) => telemetry.running?.(consumer, count),
    run: createRun(
      {
        ...{ ...parts, watches, keeper, breaker, isKeyed: parts.keyed !== null, onDue: around.onDue },
        ...{ handlerTimeoutMs: limits.handlerTimeoutMs, shutdown: around.shutdown },
      },
      {
        answers: () => answers,
        ended: (work, isOver) => {
          queue.ended?.(work, isOver)
          if (isOver) work.follower?.onOver()
        },
      },
    ),
  })
  const hold = createHold({
    ...holdNotices(parts),
    clock,
    maxMs: limits.holdMaxMs,
    pause: dispatcher.pause,
    detach: async () => {
      tellDetached(parts)
      await around.subscriber()?.close()
    },
    attach: async (signal) => around.subscriber()?.reopen(signal),
    resume: ({ atOnce, heldMs }) => {
      if (!atOnce) tellOver(parts, heldMs)
      answers.giveSuspects(atOnce)
      dispatcher.resume()
    },
  })
  const answers = createAnswers(parts, {
    isStopping: () => around.stopping.aborted,
    again: dispatcher.add,
    later: dispatcher.addLater,
    hold: hold.begin,
  })
  return { dispatcher, hold, answers, watches, breaker }
}

interface RunWays {
  readonly answers: () => Answers
  ended(work: Work, isOver: boolean): void
}

interface RunParts<Tx> extends JudgeParts<Tx>, SettleParts {
  readonly queue: string
  readonly keeper: Keeper<Tx>
  readonly breaker: Breaker | null
}

/** Judges what has come to run together, keeps what failed, and answers all. What can no longer be answered is passed over. */
function createRun<Tx>(parts: RunParts<Tx>, ways: RunWays): (works: readonly Work[]) => Promise<void> {
  return async (given) => {
    const judged: Judged[] = []
    const works: Work[] = []
    for (const work of given) {
      const verdict = apart(work)
      if (work.session.state !== 'live') ways.ended(work, true)
      else if (verdict !== null) judged.push({ work, verdict })
      else works.push(work)
    }
    for (const work of works) beginHandling(parts, work)
    const began = parts.clock.monotonic()
    if (works.length > 0) judged.push(...(await judge(parts, works)))
    const durationMs = parts.clock.monotonic() - began
    for (const { work, verdict } of judged) {
      noteIn(parts.breaker, verdict)
      const kept = verdict.kind === 'failed' ? await keep(parts, work, { failed: verdict, durationMs }) : null
      const final = kept?.verdict ?? (verdict as AnswerVerdict)
      // What is tried again may begin within the answer.
      const { handling } = work
      const isOver = ways.answers().give(work, final, durationMs)
      endHandling(parts, work, { handling, final, error: errorIn(verdict), fate: kept?.fate ?? null })
      ways.ended(work, isOver)
    }
  }
}

/** What is a message's own fault, or no fault, says nothing of what all handlers need. */
function noteIn(breaker: Breaker | null, verdict: Verdict): void {
  if (verdict.kind === 'ack' && verdict.outcome === 'handled') breaker?.note('handled')
  if (verdict.kind !== 'failed' || verdict.reason !== 'failed') return
  if (!isPermanentError(verdict.error)) breaker?.note('failed')
}

async function keep<Tx>(
  parts: RunParts<Tx>,
  work: Work,
  { failed, durationMs }: { readonly failed: FailedVerdict; readonly durationMs: number },
): Promise<Kept> {
  const kept = await parts.keeper.keep(work, failed, durationMs)
  if (kept.fate !== null) tellKept(parts, work, { failed, fate: kept.fate })
  return kept
}

/** That another transaction had it first is no error of its handling. */
function errorIn(verdict: Verdict): unknown {
  return 'error' in verdict && verdict.kind !== 'later' ? verdict.error : undefined
}

function breakerOf<Tx>(parts: ConsumingParts<Tx>, onMore: () => void): Breaker | null {
  const { clock, consumer, telemetry, logger, breaker: rules } = parts
  if (rules === null) return null
  return createBreaker({
    ...{ clock, rules },
    onState(state, forMs) {
      telemetry.breaker?.(consumer, state)
      const coolDownMs = Math.round(forMs)
      if (state === 'open') {
        logger.error({ coolDownMs }, 'Most messages fail: none begins for a while, and then one is tried.')
      } else if (state === 'closed') {
        logger.info({}, 'The message that was tried has succeeded; messages are handled again.')
      }
      onMore()
    },
  })
}

function holdNotices<Tx>(parts: ConsumingParts<Tx>): Pick<HoldParts, 'ping' | 'holding'> {
  return {
    ping: () => parts.database.ping(),
    holding(error) {
      parts.telemetry.hold?.(parts.consumer, 'holding')
      parts.logger.warn({ error }, 'The database does not answer; messages are held until it does.')
    },
  }
}

function tellDetached<Tx>(parts: ConsumingParts<Tx>): void {
  parts.telemetry.hold?.(parts.consumer, 'detached')
  parts.logger.warn({}, 'The database is down for long; the subscription is given up until it is back.')
}

function tellOver<Tx>(parts: ConsumingParts<Tx>, heldMs: number): void {
  parts.telemetry.hold?.(parts.consumer, 'over')
  parts.logger.info({ heldMs }, 'The database answers again; messages are handled again.')
}
