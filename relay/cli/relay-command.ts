import { systemClock, type Logger } from '../../src/ports.ts'
import { composeRelays, type ComposedRelays } from '../compose.ts'
import { refuseUnsafe } from '../doctor/refuse.ts'
import { createLogger } from '../logging/logger.ts'
import type { Command, CommandCall } from './command.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { packageVersion, variablesHelp } from './help.ts'
import { listenForStop, type StopSignals } from './stop-signals.ts'

/** `waybill relay` */
export const relayCommand: Command = {
  name: 'relay',
  summary: 'Publishes messages from the outbox until it is stopped.',
  options: {},
  optionHelp: [],
  notes:
    'SIGTERM or SIGINT finish what is in flight, hand the lanes over and end with code 0; a second one ends at once.\n' +
    'A database or broker that is away is waited for.\n\n' +
    variablesHelp(),
  use: () => 'relay',
  async run({ config, io }: CommandCall): Promise<ExitCode> {
    const { values, redact } = config
    const logger = createLogger({
      level: values.WAYBILL_LOG_LEVEL,
      format: values.WAYBILL_LOG_FORMAT,
      clock: systemClock,
      redact,
      write: io.stdout,
    })
    const signals = listenForStop(logger)
    try {
      const composed = await composeRelays(config, {
        logger,
        refuse: refuseUnsafe,
        version: packageVersion(),
      })
      return await runToTheEnd(composed, { logger, signals, limitMs: values.WAYBILL_SHUTDOWN_TIMEOUT_MS })
    } finally {
      signals.ignoreAgain()
    }
  },
}

interface Surroundings {
  readonly logger: Logger
  readonly signals: StopSignals
  readonly limitMs: number
}

async function runToTheEnd(composed: ComposedRelays, around: Surroundings): Promise<ExitCode> {
  const { relays, health, admin } = composed
  const { logger, signals } = around
  const addresses = { health: health.address, ...(admin !== null && { admin: admin.address }) }
  logger.info({ version: packageVersion(), ...addresses }, 'The relay starts.')
  const running = relays.run()
  try {
    const failure = await Promise.race([
      running,
      signals.requested.then((signal) => {
        logger.info({ signal }, 'The relay stops.')
        return null
      }),
    ])
    if (failure !== null) throw failure as Error
  } finally {
    await closeWithin(composed, around)
  }
  logger.info({}, 'The relay has stopped.')
  return EXIT.ok
}

/** Ends the process when closing takes too long: who asked it to stop will not wait for ever either. */
async function closeWithin(composed: ComposedRelays, { logger, limitMs }: Surroundings): Promise<void> {
  const cancel = systemClock.after(limitMs, () => {
    logger.error(
      { limitMs },
      'The relay could not stop in time; others take over when its lease has run out.',
    )
    process.exit(EXIT.failed)
  })
  try {
    await composed.close()
  } finally {
    cancel()
  }
}
