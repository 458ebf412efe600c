import type { Cancel, Clock } from './clock.ts'

export interface DutyOptions {
  readonly clock: Clock
  /** One turn of the work. @returns how long to rest, in milliseconds, unless called before. */
  run(): Promise<number>
  /** @returns how long to rest after the `failures`-th failure in a row. Must not throw. */
  onError(error: unknown, failures: number): number
}

/** Work that is done again and again, one turn at a time, until it is stopped. */
export interface Duty {
  start(): void
  /** Ends the rest, or does away with the next one while it is being worked. Not after a failure. */
  poke(): void
  /** Resolves when the current turn has ended; none begins after. */
  stop(): Promise<void>
}

export function createDuty(options: DutyOptions): Duty {
  let running: Promise<void> | null = null
  let stopped = false
  let poked = false
  let endRest: (() => void) | null = null
  let canBePoked = true

  const rest = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const finish = (): void => {
        endRest = null
        cancel()
        resolve()
      }
      const cancel: Cancel = options.clock.after(ms, finish)
      endRest = finish
    })
  const work = async (): Promise<void> => {
    let failures = 0
    while (!isStopped()) {
      poked = false
      canBePoked = true
      let wait: number
      try {
        wait = await options.run()
        failures = 0
      } catch (error) {
        failures += 1
        wait = options.onError(error, failures)
        // Calls from elsewhere must not turn a failing duty into a tight loop.
        canBePoked = false
        poked = false
      }
      if (mayRest() && wait > 0) await rest(wait)
    }
  }
  // Functions, as what they look at changes while a turn is awaited.
  const isStopped = (): boolean => stopped
  const mayRest = (): boolean => !stopped && !poked
  return {
    start() {
      running ??= work()
    },
    poke() {
      if (!canBePoked) return
      poked = true
      endRest?.()
    },
    async stop() {
      stopped = true
      endRest?.()
      await running
    },
  }
}
