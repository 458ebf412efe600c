import type { OutboxRecord, OutgoingMessage, PublishOutcome } from '../../../src/ports.ts'
import { createDrain, type Drain, type DrainOptions } from '../../../src/relaying/drain.ts'
import { record, result } from './records.ts'

const OPTIONS: DrainOptions = {
  batchSize: 100,
  window: 50,
  windowBytes: 1_048_576,
  order: 'strict',
  onDead: 'block-key',
  onUnroutable: 'hold',
  gateBackoff: { baseMs: 100, maxMs: 1000, jitter: 0 },
  retry: { backoff: { baseMs: 5000, maxMs: 900_000, jitter: 0 }, maxAttempts: 10, maxAgeMs: 86_400_000 },
  stuckMs: 500,
}

export const CONFIRMED: PublishOutcome = { kind: 'confirmed' }
export const GATED: PublishOutcome = { kind: 'gated', error: new Error('missing') }
export const UNROUTABLE: PublishOutcome = { kind: 'unroutable' }
export const REJECTED: PublishOutcome = { kind: 'rejected', error: new Error('too large') }
export const UNKNOWN: PublishOutcome = { kind: 'unknown', error: new Error('lost') }

export interface Bench {
  readonly drain: Drain
  readonly sent: OutgoingMessage[]
  readonly time: { now: number; mayPublish: boolean }
  readonly told: { sweepFound: number; gates: string[] }
  /** One fetch that brings these records of lane 0. */
  bring(...records: OutboxRecord[]): void
  answer(outcome: PublishOutcome, ...messageIds: string[]): void
  /** Message ids that were sent since the last call. */
  newlySent(): string[]
}

export function bench(options: Partial<DrainOptions> = {}): Bench {
  const sent: OutgoingMessage[] = []
  const time = { now: 0, mayPublish: true }
  const told = { sweepFound: 0, gates: [] as string[] }
  let looked = 0
  const drain = createDrain(
    { ...OPTIONS, ...options },
    {
      telemetry: {
        sweepFound: (count) => (told.sweepFound += count),
        gate: (exchange, state) => told.gates.push(`${exchange} ${state}`),
      },
      random: () => 0.5,
      now: () => time.now,
      wallClock: () => 0,
      mayPublish: () => time.mayPublish,
      publish: (message) => sent.push(message),
    },
  )
  drain.lanes.claim([{ lane: 0, epoch: 7 }])
  drain.blocking.update(drain.blocking.begin(), new Set())
  return {
    drain,
    sent,
    time,
    told,
    bring(...records) {
      drain.intake.wake()
      const plan = drain.intake.plan()
      if (plan === null) throw new Error('Nothing is fetched now.')
      drain.intake.apply(plan, result(records))
      drain.pump()
    },
    answer(outcome, ...messageIds) {
      for (const id of messageIds) {
        const message = sent.findLast(({ messageId }) => messageId === id)
        if (message === undefined) throw new Error(`${id} was never sent.`)
        drain.outcome(message, outcome)
      }
      drain.pump()
    },
    newlySent() {
      const ids = sent.slice(looked).map(({ messageId }) => messageId)
      looked = sent.length
      return ids
    },
  }
}

export const keyed = (
  key: string | null,
  messageId: string,
  fields: Partial<OutboxRecord> = {},
): OutboxRecord => record({ key, messageId, ...fields })

/** The request that the next fetch would make for lane 0. */
function nextRequest({ drain }: Bench): { base: string; low: number; pos: number } | undefined {
  drain.intake.wake()
  const plan = drain.intake.plan()
  if (plan !== null) drain.intake.abandon(plan)
  return plan?.request.lanes[0]
}
export const gatedNow = ({ drain }: Bench): unknown => {
  drain.intake.wake()
  const plan = drain.intake.plan()
  if (plan !== null) drain.intake.abandon(plan)
  return plan?.request.gated
}
export const isReset = (it: Bench): boolean => nextRequest(it)?.base === '1:1:'
