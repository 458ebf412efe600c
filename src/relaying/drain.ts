import type { BackoffOptions } from '../retry/backoff.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import type { OutgoingMessage, PublishOutcome } from '../transport/transport.ts'
import { createMarks } from './bounds.ts'
import { createBlocking, type Blocking } from './blocking.ts'
import { createGates } from './gates.ts'
import type { Gate } from './held.ts'
import { createIntake, type Intake } from './intake.ts'
import { createLanes, type Lanes } from './lanes.ts'
import { createMemory, doubtLanes } from './memory.ts'
import { createOutflow } from './outflow.ts'
import type { RetryOptions } from './parking.ts'
import { createRetrying, type Retrying } from './retrying.ts'
import { createSettling, type Settling } from './settling.ts'
import { createSweeping, type Sweeping } from './sweeping.ts'

export interface DrainOptions {
  /** How many records a fetch may bring, and how many wait in memory before the next one is asked for. */
  readonly batchSize: number
  /** How many messages may be without an outcome. */
  readonly window: number
  /** How many bytes may be without an outcome; half as many may wait in memory. */
  readonly windowBytes: number
  /** How many records of a key may be without an outcome: one, or as many as there are. */
  readonly order: 'strict' | 'pipelined'
  /** What becomes of the later records of a key when one of it is parked. */
  readonly onDead: 'block-key' | 'skip'
  /** What becomes of a message that no queue is bound for. */
  readonly onUnroutable: 'hold' | 'ignore' | 'dead'
  readonly gateBackoff: BackoffOptions
  readonly retry: RetryOptions
  /** How long an exchange may be full without a confirm before it is passed over. */
  readonly stuckMs: number
}

export interface DrainPorts {
  readonly telemetry: Telemetry
  readonly random: () => number
  /** Monotonic milliseconds. */
  now(): number
  /** Milliseconds since 1970. */
  wallClock(): number
  /** Whether a message may be handed to the publisher at this moment. */
  mayPublish(): boolean
  publish(message: OutgoingMessage): void
}

/**
 * What a relay has in memory and all rules about it; does no I/O and holds no timers.
 *
 * One promise above all: a record that was fetched and is forgotten unpublished is found again, because its
 * lane's hints are made anew, or because a gate or a blocked key stands before it that does so when it opens.
 */
export interface Drain {
  readonly lanes: Lanes
  readonly intake: Intake
  readonly settling: Settling
  readonly sweeping: Sweeping
  readonly blocking: Blocking
  readonly retrying: Retrying
  /** Something may have changed behind our back (a lost connection): no hint is trusted any more. */
  doubt(): void
  /** Sends what may be sent. */
  pump(): void
  /** What the publisher says about a message it was given. */
  outcome(message: OutgoingMessage, outcome: PublishOutcome): void
  gates(): readonly Gate[]
  /** Messages without an outcome. */
  inFlight(): number
  /** Records in memory that were not sent yet. */
  unsent(): number
  /** How many messages were published so far, those included that nobody wanted and nobody needs to want. */
  published(): number
}

export function createDrain(options: DrainOptions, ports: DrainPorts): Drain {
  const memory = createMemory(options.order)
  const marks = createMarks()
  const { telemetry } = ports
  const passBlockedKeys = options.onDead === 'block-key'
  const gateOptions = { backoff: options.gateBackoff, random: ports.random }
  const gates = createGates({ memory, telemetry, options: gateOptions })
  const outflow = createOutflow({
    memory,
    gates,
    telemetry,
    options,
    ports,
    unreadable(message) {
      const error = new Error('The headers of the record are no JSON object of texts.')
      outflow.outcome(message, { kind: 'rejected', error })
    },
  })
  const { batchSize, windowBytes } = options
  const now = (): number => ports.now()
  const intake = createIntake({
    memory,
    marks,
    gates,
    telemetry,
    batchSize,
    waitingBytes: windowBytes / 2,
    passBlockedKeys,
    unsettled: () => outflow.confirmed.length + outflow.toPark.length,
    now,
  })
  return {
    lanes: createLanes({ memory, gates, marks, passBlockedKeys }),
    intake,
    settling: createSettling({ memory, marks, outflow, intake, telemetry }),
    sweeping: createSweeping({ memory, gates, batchSize, passBlockedKeys }),
    blocking: createBlocking(memory, passBlockedKeys),
    retrying: createRetrying({ memory, gates, intake, inOrder: passBlockedKeys, now }),
    doubt() {
      marks.clear()
      doubtLanes(memory)
    },
    pump() {
      outflow.pump()
    },
    outcome(message, outcome) {
      outflow.outcome(message, outcome)
    },
    gates: () => gates.list(),
    inFlight: () => sum(memory.routes.values(), ({ inFlight }) => inFlight),
    unsent: () => sum(memory.lanes.values(), ({ unsent }) => unsent),
    published: () => sum(memory.routes.values(), ({ confirms }) => confirms),
  }
}

function sum<Item>(items: Iterable<Item>, of: (item: Item) => number): number {
  let total = 0
  for (const item of items) total += of(item)
  return total
}
