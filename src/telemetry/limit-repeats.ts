import type { Clock } from '../lifecycle/clock.ts'
import type { Logger, LogMethod } from './logger.ts'

const EVERY_MS = 10_000
/** Reasons that are remembered; the oldest is forgotten first. */
const MOST_REASONS = 100

interface Said {
  readonly at: number
  suppressed: number
}

/**
 * The same logger for what may fail again and again: a warning or an error of one reason is repeated every 10 seconds at most,
 * then with the number of those left out in `suppressed`. A reason is the sentence, the field `reason` and the code or name of
 * the error. Nothing else is limited.
 */
export function limitRepeats(logger: Logger, clock: Pick<Clock, 'monotonic'>): Logger {
  const limited = (method: LogMethod): LogMethod => {
    const said = new Map<string, Said>()
    return (fields, text) => {
      const key = JSON.stringify([text, fields['reason'], nameOf(fields['error'])])
      const now = clock.monotonic()
      const last = said.get(key)
      if (last !== undefined && now - last.at < EVERY_MS) {
        last.suppressed += 1
        return
      }
      remember(said, key, now)
      const suppressed = last?.suppressed ?? 0
      method(suppressed === 0 ? fields : { ...fields, suppressed }, text)
    }
  }
  return {
    debug: (fields, text) => {
      logger.debug(fields, text)
    },
    info: (fields, text) => {
      logger.info(fields, text)
    },
    warn: limited((fields, text) => {
      logger.warn(fields, text)
    }),
    error: limited((fields, text) => {
      logger.error(fields, text)
    }),
  }
}

function remember(said: Map<string, Said>, key: string, at: number): void {
  said.delete(key)
  for (const oldest of said.keys()) {
    if (said.size < MOST_REASONS) break
    said.delete(oldest)
  }
  said.set(key, { at, suppressed: 0 })
}

function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return ''
  return 'code' in error ? String(error.code) : error.name
}
