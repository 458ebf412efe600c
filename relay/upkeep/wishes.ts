import {
  createDuty,
  createOperations,
  type Clock,
  type DeadLetterStore,
  type Duty,
  type Logger,
  type Telemetry,
} from '../../src/ports.ts'

export interface WishesParts {
  /** Undefined where operators can do nothing. */
  readonly deadLetters: DeadLetterStore | undefined
  readonly clock: Clock
  readonly logger: Logger
  readonly telemetry: Telemetry
  readonly host: string
  /** Operators have paused the relays of this host, or let them go on. */
  onPaused(paused: boolean): void
  onError(error: unknown, failures: number): number
}

/** A pause takes effect within two seconds: it is noticed in half of that. */
const LOOK_MS = 1000
const FORGET_MS = 3_600_000
const RETENTION_MS = 30 * 24 * FORGET_MS

/** Does what operators have asked for: pauses, and the next bit of bulk operations. */
export function createWishes(parts: WishesParts): Pick<Duty, 'start' | 'stop'> {
  const { deadLetters: store, clock } = parts
  if (store === undefined) return { start: () => undefined, stop: () => Promise.resolve() }
  const { bulk } = createOperations({ database: { deadLetters: store }, clock, telemetry: parts.telemetry })
  let paused = false
  let forgetAt = clock.monotonic() + FORGET_MS * Math.random()
  return createDuty({
    clock,
    onError: (error, failures) => parts.onError(error, failures),
    async run() {
      const wishes = await store.wishes(parts.host)
      if (wishes.paused !== paused) {
        paused = wishes.paused
        parts.logger.info({ host: parts.host }, paused ? 'The relay was paused.' : 'The relay goes on.')
        parts.onPaused(paused)
      }
      if (clock.monotonic() >= forgetAt) {
        forgetAt = clock.monotonic() + FORGET_MS
        for (const { table, rows } of await store.forget(RETENTION_MS)) parts.telemetry.cleaned?.(table, rows)
      }
      const rest = LOOK_MS * (0.9 + 0.2 * Math.random())
      return wishes.bulkDue ? Math.min((await bulk.work()) ?? rest, rest) : rest
    },
  })
}
