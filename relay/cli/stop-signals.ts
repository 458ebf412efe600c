import { constants } from 'node:os'
import type { Logger } from '../../src/ports.ts'
import { EXIT } from './exit-codes.ts'

/** What asks a process to stop. */
export interface StopSignals {
  /** Resolves with the name of the first signal. */
  readonly requested: Promise<NodeJS.Signals>
  ignoreAgain(): void
}

const SIGNALS = ['SIGTERM', 'SIGINT'] as const

/**
 * The first SIGTERM or SIGINT asks, the second one ends the process at once: whoever sends it does not want to wait.
 * What nobody caught ends the process too, since nothing is known of its state any more; others take over its lanes.
 */
export function listenForStop(logger: Logger): StopSignals {
  let asked = false
  let resolve: (signal: NodeJS.Signals) => void = () => undefined
  const requested = new Promise<NodeJS.Signals>((settle) => (resolve = settle))
  const onSignal = (signal: NodeJS.Signals): void => {
    if (asked) {
      logger.warn({ signal }, 'Ending at once; other relays take over when the lease has run out.')
      process.exit(128 + constants.signals[signal])
    }
    asked = true
    resolve(signal)
  }
  const onUncaught = (error: unknown, origin: NodeJS.UncaughtExceptionOrigin): void => {
    logger.error({ error, origin }, 'Something failed that nobody expected; the process ends.')
    process.exit(EXIT.failed)
  }
  for (const signal of SIGNALS) process.on(signal, onSignal)
  process.on('uncaughtException', onUncaught)
  return {
    requested,
    ignoreAgain() {
      for (const signal of SIGNALS) process.off(signal, onSignal)
      process.off('uncaughtException', onUncaught)
    },
  }
}
