import type { Telemetry } from '../telemetry/telemetry.ts'
import type { PublishOutcome } from '../transport/transport.ts'
import type { Gates } from './gates.ts'
import type { Held } from './held.ts'
import { blockedName, dropUnsent, forget, passOn, resetLane, type Memory } from './memory.ts'
import { sentence, type RetryOptions, type Sentence } from './parking.ts'

/** A record that is to be set aside, or was refused again where it is parked. */
export interface Parked extends Sentence {
  readonly job: Held
  readonly reason: string
  readonly error: string
}

/** What becomes of records after the publisher has spoken: the parts, and what has left. */
export interface Exit {
  readonly memory: Memory
  readonly gates: Gates
  readonly telemetry: Telemetry
  readonly options: {
    readonly onDead: 'block-key' | 'skip'
    readonly onUnroutable: 'hold' | 'ignore' | 'dead'
    readonly retry: RetryOptions
  }
  readonly random: () => number
  readonly now: () => number
  /** The record was the head of its key's line and leaves it. */
  readonly sendNext: (job: Held) => void
  readonly confirmed: Held[]
  readonly toPark: Parked[]
}

export function conclude(exit: Exit, job: Held, outcome: PublishOutcome): void {
  switch (outcome.kind) {
    case 'confirmed':
      confirm(exit, job)
      break
    case 'unroutable':
      unroutable(exit, job)
      break
    case 'refused':
      refuse(exit, job, outcome.error.message)
      break
    case 'gated':
      shutOut(exit, job, { routingKey: null, reason: outcome.error.message })
      break
    case 'rejected':
      park(exit, job, { reason: 'rejected', error: outcome.error.message, permanent: true })
      break
    case 'suspect':
      suspect(exit, job, outcome)
      break
    case 'unknown':
      // It may have been published. Whatever follows it in its key must not go before it goes again.
      exit.gates.release(job)
      forget(job)
      resetLane(exit.memory, job.home)
      passOn(exit.memory, job)
      break
  }
}

const NOTHING = Buffer.alloc(0)

function confirm(exit: Exit, job: Held): void {
  const { route } = job
  route.confirms += 1
  if (route.refusals.size > 0) route.refusals.delete(job.messageId)
  exit.memory.suspicion.confirmed(route)
  job.stage = 'done'
  job.body = NOTHING
  exit.confirmed.push(job)
  exit.gates.succeed(job)
  exit.sendNext(job)
}

function park(
  exit: Exit,
  job: Held,
  why: { readonly reason: string; readonly error: string; readonly permanent: boolean },
): void {
  const { memory, gates, telemetry, options } = exit
  const { reason, error, permanent } = why
  const verdict = sentence({ permanent, state: job.parked }, options.retry, exit.random)
  gates.release(job)
  job.stage = 'done'
  exit.toPark.push({ job, reason, error, ...verdict })
  telemetry.parked?.(job, reason, verdict.retryInMs === null ? 'dead' : 'retry')
  if (job.key !== null && options.onDead === 'block-key') {
    const { key } = job
    memory.blocked.set(blockedName(job.lane, key), Infinity)
    job.home.sweep = null
    dropUnsent(memory, job.home, (other) => other.key === key)
  }
  exit.sendNext(job)
}

/** Beyond this many they are forgotten: it takes some records longer to be found out. */
const MOST_REFUSALS = 1000

/**
 * A full queue refuses everything, and nobody is to blame: the exchange is passed over. When it has taken another
 * message since it refused this one, it is this one that it does not want.
 */
function refuse(exit: Exit, job: Held, error: string): void {
  const { refusals, confirms } = job.route
  const before = refusals.get(job.messageId)
  if (refusals.size >= MOST_REFUSALS) refusals.clear()
  refusals.set(job.messageId, confirms)
  if (before !== undefined && before < confirms)
    park(exit, job, { reason: 'refused', error, permanent: false })
  else shutOut(exit, job, { routingKey: null, reason: error, rotates: true })
}

/** One that was alone is guilty. What it does to the broker may still be the broker's fault. */
function suspect(
  exit: Exit,
  job: Held,
  { among, error }: Extract<PublishOutcome, { kind: 'suspect' }>,
): void {
  if (among <= 1) {
    park(exit, job, { reason: 'fatal', error: error.message, permanent: false })
    return
  }
  exit.memory.suspicion.raise(job.route, among)
  shutOut(exit, job, { routingKey: null, reason: error.message })
}

function shutOut(
  exit: Exit,
  job: Held,
  why: { readonly routingKey: string | null; readonly reason: string; readonly rotates?: boolean },
): void {
  const { routingKey, reason, rotates = false } = why
  exit.gates.fail(job, { place: { exchange: job.exchange, routingKey }, reason, now: exit.now(), rotates })
}

/** What becomes of a record that no queue is bound for. */
export function whenUnroutable(
  { unroutable: choice }: Held,
  { onUnroutable }: Pick<Exit['options'], 'onUnroutable'>,
): Exit['options']['onUnroutable'] {
  return choice ?? onUnroutable
}

function unroutable(exit: Exit, job: Held): void {
  exit.gates.reach(job)
  switch (whenUnroutable(job, exit.options)) {
    case 'ignore':
      confirm(exit, job)
      break
    case 'dead': {
      const error = `No queue is bound to "${job.exchange}" for "${job.routingKey}".`
      park(exit, job, { reason: 'unroutable', error, permanent: true })
      break
    }
    case 'hold':
      shutOut(exit, job, { routingKey: job.routingKey, reason: 'No queue is bound for it.' })
  }
}
