import pg from 'pg'
import { pgDatabase } from '../../adapters/pg/index.ts'
import type { RelayStore } from '../../src/ports.ts'
import { createRelay, type Relay, type RelayOptions } from '../../relay/index.ts'
import { createFreezableClock } from './freezable-clock.ts'
import type { History } from './history.ts'
import type { Random } from './random.ts'
import { severable } from './severable-store.ts'
import type { SimulatedBroker } from './simulated-broker.ts'

/** Probability of each misfortune at each step of a relay; all zero in a calm run. */
export interface Misfortune {
  readonly crash: number
  readonly freeze: number
  readonly drop: number
}

/** A relay looks far more often than it renews or claims: misfortunes are to strike at every kind of step. */
const STEP_WEIGHTS: Partial<Record<keyof RelayStore, number>> = { ring: 0.2, fetch: 1, settle: 3 }
const RARE_STEP_WEIGHT = 10

export interface RelayActorParts {
  readonly name: string
  readonly url: string
  readonly schema: string
  readonly broker: SimulatedBroker
  readonly history: History
  readonly random: Random
  readonly misfortune: Misfortune
  readonly options: RelayOptions
  /** Longest freeze: beyond lease and grace, so that others take over. */
  readonly maxFreezeMs: number
}

export interface RelayActor {
  readonly name: string
  readonly alive: boolean
  /** Ends as a deploy does. */
  stop(): Promise<void>
  /** Ends as SIGKILL does. */
  crash(reason: string): void
}

/** A real relay on a real database whose process can crash or freeze at every step it takes. */
export async function startRelayActor(parts: RelayActorParts): Promise<RelayActor> {
  const { name, url, schema, broker, history, random, misfortune } = parts
  const pool = new pg.Pool({ connectionString: url, max: 4, application_name: name })
  pool.on('error', () => undefined)
  const clock = createFreezableClock()
  const unsettled = new Set<string>()
  let alive = true
  let frozen = false
  let tellCrashed: (end: 'crashed') => void = () => undefined
  const crashed = new Promise<'crashed'>((resolve) => (tellCrashed = resolve))

  const fault = (kind: string): void => {
    history.faults.push({ kind, relay: name, inFlight: unsettled.size })
    history.count(kind)
    // Each message that was under way explains duplicates of one fault, not of all later ones.
    unsettled.clear()
  }
  const connection = broker.connect(name, random.fork('network'), {
    onSent: (messageId) => unsettled.add(messageId),
    onReset: () => {
      fault('reset by the relay')
    },
  })
  const crash = (reason: string): void => {
    if (!alive) return
    alive = false
    fault(reason)
    tellCrashed('crashed')
    connection.cut()
    database.sever()
    clock.kill()
    void pool.end()
  }
  const freeze = (): void => {
    frozen = true
    fault('freeze')
    const setFrozen = (value: boolean): void => {
      clock.setFrozen(value)
      connection.setFrozen(value)
      database.setFrozen(value)
    }
    setFrozen(true)
    setTimeout(
      () => {
        frozen = false
        setFrozen(false)
      },
      random.between(50, parts.maxFreezeMs),
    )
  }
  const steps = random.fork('steps')
  const database = severable(pgDatabase(pool, { schema }), {
    onSettled(records) {
      for (const { messageId } of records) unsettled.delete(messageId)
    },
    onStep({ call, when }) {
      if (!alive || frozen) return
      const weight = STEP_WEIGHTS[call] ?? RARE_STEP_WEIGHT
      if (steps.chance(misfortune.crash * weight)) crash(`crash ${when} ${call}`)
      else if (steps.chance(misfortune.freeze * weight)) freeze()
      else if (steps.chance(misfortune.drop * weight)) {
        fault('connection dropped')
        connection.drop()
      }
    },
  })

  const relay: Relay = createRelay(
    {
      database: database.database,
      transport: connection.transport,
      clock,
      host: name,
      telemetry: {
        sweepFound: (count) => {
          history.count('sweep found', count)
        },
        leaseLost: () => {
          fault('lease lost')
        },
        settled: (count) => {
          history.count('settled', count)
        },
      },
    },
    parts.options,
  )
  // A relay that crashes while it starts never resolves: that is what a crash is.
  await Promise.race([relay.start(), new Promise<void>((resolve) => setTimeout(resolve, 2_000))])
  return {
    name,
    get alive() {
      return alive
    },
    async stop() {
      if (!alive) return
      // One that crashes while it stops never answers.
      const end = await Promise.race([relay.stop().then(() => 'stopped' as const), crashed])
      if (end === 'crashed') return
      alive = false
      history.count('graceful stop')
      await pool.end()
    },
    crash,
  }
}
