import { createAnswers, type Answers } from './answers.ts'
import { createDispatcher, type Dispatcher } from './dispatcher.ts'
import { createHold, type Hold, type HoldParts } from './hold.ts'
import { judge, type JudgeParts } from './judge.ts'
import type { Mode } from './mode.ts'
import type { ConsumingParts } from './parts.ts'
import type { Subscriber } from './subscriber.ts'
import type { Work } from './verdict.ts'
import { createWatches, type Watches } from './watch.ts'

/** What a delivery goes through: it waits in the dispatcher, is judged and answered; the hold stops it all for a while. */
export interface Machine {
  readonly dispatcher: Dispatcher<Work>
  readonly hold: Hold
  readonly answers: Answers
  readonly watches: Watches
}

export interface Surroundings {
  /** Aborts when no more is to begin. */
  readonly stopping: AbortSignal
  /** Aborts when what runs is not waited for any longer. */
  readonly shutdown: AbortSignal
  readonly subscriber: () => Subscriber | null
  readonly mode: Mode
}

export function createMachine<Tx>(parts: ConsumingParts<Tx>, around: Surroundings): Machine {
  const { clock, limits } = parts
  const watches = createWatches(clock)
  const { queue, failures } = around.mode

  const dispatcher = createDispatcher<Work>({
    clock,
    queue,
    concurrency: limits.concurrency,
    run: createRun(
      { ...parts, watches, handlerTimeoutMs: limits.handlerTimeoutMs, shutdown: around.shutdown },
      { answers: () => answers, ended: (work, isOver) => queue.ended?.(work, isOver) },
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
    ...(failures === undefined ? {} : { failures }),
  })
  return { dispatcher, hold, answers, watches }
}

interface RunWays {
  readonly answers: () => Answers
  ended(work: Work, isOver: boolean): void
}

/** Judges what has come to run together, and answers it. What can no longer be answered is passed over. */
function createRun<Tx>(parts: JudgeParts<Tx>, ways: RunWays): (works: readonly Work[]) => Promise<void> {
  return async (given) => {
    const works: Work[] = []
    for (const work of given) {
      if (work.session.state !== 'live') ways.ended(work, true)
      else works.push(work)
    }
    if (works.length === 0) return
    const began = parts.clock.monotonic()
    const verdicts = await judge(parts, works)
    const durationMs = parts.clock.monotonic() - began
    for (const { work, verdict } of verdicts) {
      const isOver = ways.answers().give(work, verdict, durationMs)
      ways.ended(work, isOver)
    }
  }
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
