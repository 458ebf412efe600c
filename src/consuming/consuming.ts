import { WaybillError } from '../errors.ts'
import { untilAborted } from '../lifecycle/until-aborted.ts'
import type { QueueTopology } from '../transport/transport.ts'
import { Stopped } from './attempt.ts'
import { keyMode } from './keyed/key-mode.ts'
import { createMachine } from './machine.ts'
import { unorderedMode } from './mode.ts'
import type { ConsumingParts } from './parts.ts'
import { pruneInboxRepeatedly } from './prune-inbox.ts'
import type { Subscriber } from './subscriber.ts'
import type { Work } from './verdict.ts'
import { waitAtMost } from './wait-at-most.ts'

/** The machinery of one consumer: subscription, dispatcher and hold, and what they tell one another. */
export interface Consuming {
  /** Resolves when consuming; rejects when stopped before. */
  start(topology: QueueTopology): Promise<void>
  stop(): Promise<void>
  state(): 'consuming' | 'holding' | 'detached'
  running(): number
  waiting(): number
}

/** How long `stop` waits for anything but running handlers, and for those after it has aborted them. */
const GRACE_MS = 5_000

export function createConsuming<Tx>(parts: ConsumingParts<Tx>): Consuming {
  const { clock, limits, logger } = parts
  const stopping = new AbortController()
  const shutdown = new AbortController()
  const self = { subscriber: null as Subscriber | null, pruning: Promise.resolve() }
  const mode = parts.keyed === null ? unorderedMode(parts) : keyMode(parts, parts.keyed)
  const { dispatcher, hold, answers, watches } = createMachine(parts, {
    mode,
    ...{ stopping: stopping.signal, shutdown: shutdown.signal },
    subscriber: () => self.subscriber,
  })

  const subscribe = async (topology: QueueTopology): Promise<void> => {
    // What is opened after the stop would be closed by nobody.
    if (stopping.signal.aborted) throw stoppedBefore(parts.consumer)
    self.subscriber = mode.subscribe(topology, {
      onDelivery(delivery, session) {
        const work: Work = { delivery, session, delays: 0, suspicions: 0, alone: false }
        if (stopping.signal.aborted) answers.give(work, { kind: 'release' }, 0)
        else dispatcher.add(work)
      },
      onLost() {
        dispatcher.drain(({ session }) => session.state === 'lost')
      },
      finish(session) {
        dispatcher.drain((work) => work.session === session)
        return dispatcher.idle((work) => work.session === session)
      },
    })
    await untilStopped(self.subscriber.open(), stopping.signal, parts)
  }

  return {
    async start(topology) {
      await subscribe(topology)
      const { inbox } = parts.database
      self.pruning = pruneInboxRepeatedly({
        ...{ inbox, consumer: parts.consumer, clock, logger },
        ...{ retentionMs: limits.inboxRetentionMs, signal: stopping.signal },
      })
    },
    async stop() {
      stopping.abort()
      hold.stop()
      // What fails from now on is not tried again, so what would come after it must not begin.
      dispatcher.pause()
      const within = (ms: number, promise: Promise<void>): Promise<void> => waitAtMost(clock, ms, promise)
      await within(GRACE_MS, self.subscriber?.stop() ?? Promise.resolve())
      for (const work of [...dispatcher.drain(), ...answers.takeSuspects()]) {
        answers.give(work, { kind: 'release' }, 0)
      }
      await within(limits.shutdownTimeoutMs, dispatcher.idle())
      shutdown.abort()
      watches.endAll(new Stopped('The consumer has stopped.'))
      await within(GRACE_MS, dispatcher.idle())
      await within(GRACE_MS, self.subscriber?.close() ?? Promise.resolve())
      await within(GRACE_MS, self.pruning)
    },
    state: () => (hold.state === 'holding' || hold.state === 'detached' ? hold.state : 'consuming'),
    running: () => dispatcher.running,
    waiting: () => dispatcher.waiting + answers.suspects(),
  }
}

/** What `promise` comes to, unless the consumer is stopped first. */
async function untilStopped<Tx>(
  promise: Promise<void>,
  signal: AbortSignal,
  { consumer, logger }: ConsumingParts<Tx>,
): Promise<void> {
  promise.catch((error: unknown) => {
    logger.debug({ error }, 'Subscribing failed.')
  })
  try {
    await untilAborted(promise, signal)
  } catch (error) {
    throw signal.aborted ? stoppedBefore(consumer) : error
  }
}

function stoppedBefore(consumer: string): WaybillError {
  return new WaybillError('WAYBILL_NOT_RUNNING', {
    problem: `Consumer ${JSON.stringify(consumer)} was stopped before it had started.`,
  })
}
