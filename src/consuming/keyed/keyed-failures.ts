import { backoffMs, type BackoffOptions } from '../../retry/backoff.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Telemetry } from '../../telemetry/telemetry.ts'
import type { Failures } from '../answers.ts'

export interface KeyedFailuresParts {
  readonly consumer: string
  readonly logger: Logger
  readonly telemetry: Telemetry
  readonly random?: () => number
}

const RETRY_BACKOFF: BackoffOptions = { baseMs: 1_000, maxMs: 15 * 60_000, jitter: 0.5 }

/** From so many failures on a message is called stuck: somebody has to look at it. */
const STUCK_AFTER = 10

/** Only those that fail now are remembered; this guards against ids that never come again. */
const MOST_REMEMBERED = 10_000

/**
 * A message that fails is tried again until it succeeds, and its key waits: given up, it would let those behind it overtake
 * it. One without a key has nobody behind it and is given up. A subscription that is taken up again goes on counting.
 */
export function createKeyedFailures(parts: KeyedFailuresParts): Failures {
  const { consumer, logger, telemetry } = parts
  const counts = new Map<string, number>()

  const count = (messageId: string): number => {
    const failures = (counts.get(messageId) ?? 0) + 1
    if (failures === 1 && counts.size >= MOST_REMEMBERED) counts.clear()
    counts.set(messageId, failures)
    return failures
  }
  return {
    retryMs({ delivery }, { reason, error }) {
      const { envelope } = delivery
      if (typeof envelope?.key !== 'string') return null
      const { messageId, type, key } = envelope
      const failures = count(messageId)
      const retryMs = backoffMs(failures, RETRY_BACKOFF, parts.random)
      const fields = { messageId, type, key, failures, retryInMs: Math.round(retryMs), reason, error }
      if (failures < STUCK_AFTER) logger.warn(fields, 'A message has failed; its key waits for it.')
      else logger.error(fields, 'A message fails again and again; its key is blocked until it succeeds.')
      telemetry.keyBlocked?.(consumer, type, failures)
      return retryMs
    },
    forget({ delivery }) {
      if (counts.size > 0) counts.delete(delivery.envelope?.messageId ?? '')
    },
  }
}
