import { WaybillError } from '../errors.ts'
import { createTurns, type Turns } from '../lifecycle/turns.ts'
import { untilAborted } from '../lifecycle/until-aborted.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { QueueTopology } from '../transport/transport.ts'
import { Stopped } from './attempt.ts'
import type { BreakerState } from './breaker.ts'
import { createCollector, type Collector } from './collector.ts'
import { collect } from './failures/collect.ts'
import { createRetryWorker, type RetryWorker, type RetryWorkerParts } from './failures/retry-worker.ts'
import { keyMode } from './keyed/key-mode.ts'
import { createMachine, type Machine } from './machine.ts'
import { unorderedMode, type SubscriptionUser } from './mode.ts'
import type { ConsumingParts } from './parts.ts'
import { createPausable, type PausableSubscriber } from './pausable.ts'
import { pruneInboxRepeatedly } from './prune-inbox.ts'
import { sayTypes } from './say-types.ts'
import type { Subscriber } from './subscriber.ts'
import { createWork, type Work } from './verdict.ts'
import { waitAtMost } from './wait-at-most.ts'

/** The machinery of one consumer: subscription, dispatcher and hold, and what they tell one another. */
export interface Consuming {
  /** Resolves when consuming; rejects when stopped before. */
  start(topology: QueueTopology): Promise<void>
  stop(): Promise<void>
  state(): 'consuming' | 'connecting' | 'holding' | 'detached'
  running(): number
  waiting(): number
  /** Of those that run, kept messages that are tried again. */
  retrying(): number
  isPaused(): boolean
  breaker(): BreakerState
}

/** How long `stop` waits for anything but running handlers, and for those after it has aborted them. */
const GRACE_MS = 5_000

export function createConsuming<Tx>(parts: ConsumingParts<Tx>): Consuming {
  const { clock } = parts
  const stopping = new AbortController()
  const shutdown = new AbortController()
  const self = { subscriber: null as PausableSubscriber | null, besides: Promise.resolve() }
  const mode = parts.keyed === null ? unorderedMode(parts) : keyMode(parts, parts.keyed)
  /** Kept messages are claimed in places of the machine, which tells when some may be due. */
  const look = { retrying: (): void => undefined }
  const machine = createMachine(parts, {
    mode,
    ...{ stopping: stopping.signal, shutdown: shutdown.signal },
    subscriber: () => self.subscriber,
    onDue: () => {
      look.retrying()
    },
  })
  const { dispatcher, hold, answers, breaker } = machine
  const turns = createTurns()
  const retrying = workerOf(parts, dispatcher, {
    ...{ signal: stopping.signal, turns },
    onTurn: () => tellConsuming(parts, self.subscriber, retrying),
    onPause: (isPaused) => {
      if (isPaused) self.subscriber?.pause()
      else self.subscriber?.resume()
    },
  })
  const collector = collectorOf(parts, machine.watches)
  look.retrying = retrying.look
  const user = userOf(parts, machine, stopping.signal)

  const subscribe = async (topology: QueueTopology): Promise<void> => {
    // What is opened after the stop would be closed by nobody.
    if (stopping.signal.aborted) throw stoppedBefore(parts.consumer)
    self.subscriber = createPausable({
      subscriber: mode.subscribe(topology, user),
      isPaused: retrying.isPaused,
      finish: () => finishOf(machine),
      signal: stopping.signal,
    })
    await untilStopped(self.subscriber.open(), stopping.signal, parts)
  }

  return {
    async start(topology) {
      await retrying.greet()
      await subscribe(topology)
      collector.start()
      retrying.start()
      self.besides = beside(parts, stopping.signal)
    },
    async stop() {
      stopping.abort()
      const { subscriber, besides } = self
      await end(parts, machine, { subscriber, retrying, turns, collector, shutdown })
      await waitAtMost(clock, GRACE_MS, besides)
    },
    state() {
      if (hold.state === 'holding' || hold.state === 'detached') return hold.state
      return retrying.isPaused || self.subscriber?.isConsuming === true ? 'consuming' : 'connecting'
    },
    running: () => dispatcher.running,
    waiting: () => dispatcher.waiting + answers.suspects(),
    retrying: () => retrying.running,
    isPaused: () => retrying.isPaused,
    breaker: () => breaker?.state ?? 'closed',
  }
}

/** What a consumer does in its database now and then, or once, while it takes messages. Never rejects. */
async function beside<Tx>(parts: ConsumingParts<Tx>, signal: AbortSignal): Promise<void> {
  const { database, consumer, clock, logger, telemetry, limits } = parts
  const { inbox } = database
  const pruning = { inbox, consumer, clock, logger, telemetry, retentionMs: limits.inboxRetentionMs, signal }
  await Promise.all([sayTypes(parts, signal), pruneInboxRepeatedly(pruning)])
}

function tellConsuming<Tx>(
  { telemetry, consumer }: ConsumingParts<Tx>,
  subscriber: Subscriber | null,
  { isPaused: paused }: RetryWorker,
): void {
  telemetry.consuming?.(consumer, { connected: subscriber?.isConsuming === true, paused })
}

/** What was told of a consumer that runs is no longer so: its process may live on, and with it what was told last. */
function tellStopped<Tx>(
  { telemetry, consumer }: ConsumingParts<Tx>,
  { hold, breaker }: Machine,
  { isPaused: paused }: RetryWorker,
): void {
  telemetry.consuming?.(consumer, { connected: false, paused })
  if (hold.state !== 'none') telemetry.hold?.(consumer, 'over')
  if (breaker !== null && breaker.state !== 'closed') telemetry.breaker?.(consumer, 'closed')
}

interface Ending {
  readonly subscriber: Subscriber | null
  readonly retrying: RetryWorker
  readonly turns: Turns
  readonly collector: Collector
  /** Ends what runs. */
  readonly shutdown: AbortController
}

/** Takes nothing new, waits for what runs, then ends it. */
async function end<Tx>(
  parts: ConsumingParts<Tx>,
  machine: Machine,
  { subscriber, retrying, turns, collector, shutdown }: Ending,
): Promise<void> {
  const { clock, limits, logger } = parts
  const { dispatcher, hold, answers, watches, breaker } = machine
  hold.stop()
  breaker?.stop()
  // What fails from now on is not tried again, so what would come after it must not begin.
  dispatcher.pause()
  const beating = retrying.stop()
  const collecting = collector.stop()
  const within = (ms: number, promise: Promise<void>): Promise<void> => waitAtMost(clock, ms, promise)
  await within(GRACE_MS, subscriber?.stop() ?? Promise.resolve())
  for (const work of [...dispatcher.drain(), ...answers.takeSuspects()]) {
    answers.give(work, { kind: 'release' }, 0)
  }
  await within(limits.shutdownTimeoutMs, dispatcher.idle())
  shutdown.abort()
  watches.endAll(new Stopped('The consumer has stopped.'))
  await within(GRACE_MS, dispatcher.idle())
  await within(GRACE_MS, subscriber?.close() ?? Promise.resolve())
  await within(
    GRACE_MS,
    beating.then(() => leave(retrying, turns, logger)),
  )
  await within(GRACE_MS, collecting)
  tellStopped(parts, machine, retrying)
}

/** What comes goes to the dispatcher, and what no longer counts is taken out of it. */
function userOf<Tx>(
  { telemetry: { tracing }, logger }: ConsumingParts<Tx>,
  { dispatcher, answers }: Machine,
  stopping: AbortSignal,
): SubscriptionUser {
  const take: SubscriptionUser['onDelivery'] = (delivery, session) => {
    const work = createWork(delivery, session)
    if (stopping.aborted) answers.give(work, { kind: 'release' }, 0)
    else dispatcher.add(work)
  }
  return {
    onDelivery(delivery, session) {
      if (tracing === undefined) {
        take(delivery, session)
        return
      }
      const warning = tracing.delivered()
      if (warning !== null) logger.warn({}, warning)
      // Whoever brings it may have a span of its own around it, which nothing of this belongs to.
      tracing.quietly(() => {
        take(delivery, session)
      })
    },
    onLost() {
      dispatcher.drain(({ session }) => session.state === 'lost')
    },
    finish(session) {
      dispatcher.drain((work) => work.session === session)
      return dispatcher.idle((work) => work.session === session)
    },
  }
}

/** Gives back what the broker has brought and nobody has begun; kept messages are no concern of a subscription. */
function finishOf({ dispatcher, answers }: Machine): Promise<void> {
  const isBrought = ({ claimed }: Work): boolean => claimed === null
  for (const work of dispatcher.drain(isBrought)) answers.give(work, { kind: 'release' }, 0)
  return dispatcher.idle(isBrought)
}

function collectorOf<Tx>(parts: ConsumingParts<Tx>, watches: Machine['watches']): Collector {
  const { transport, clock, logger, queue, database, failures, keyed, limits } = parts
  const collecting = {
    ...{ ...parts, watches, settings: failures, isKeyed: keyed !== null, store: database.failures },
    inboxRetentionMs: limits.inboxRetentionMs,
  }
  return createCollector({
    ...{ transport, clock, logger, queue },
    collect: (delivery) => collect(collecting, delivery),
  })
}

function workerOf<Tx>(
  parts: ConsumingParts<Tx>,
  dispatcher: Machine['dispatcher'],
  ways: Pick<RetryWorkerParts<Tx>, 'signal' | 'turns' | 'onPause' | 'onTurn'>,
): RetryWorker {
  const { clock, logger, telemetry, instance, failures, limits, queue, keyed } = parts
  return createRetryWorker({
    ...{ clock, logger, telemetry, instance, dispatcher, ...ways },
    ...{ store: parts.database.failures, protect: failures.protect },
    ...{ retentionMs: failures.resolvedRetentionMs, concurrency: limits.concurrency },
    presence: { ...instance, queue, leaseMs: failures.leaseMs, mode: keyed === null ? 'unordered' : 'key' },
  })
}

/** After all claims: one that is made later would be nobody's, and count as a crash. */
async function leave(worker: RetryWorker, turns: Turns, logger: Logger): Promise<void> {
  try {
    await turns.take(() => worker.leave())
  } catch (error) {
    logger.debug({ error }, 'The instance could not be taken off the list; its time runs out.')
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
