import { createHash } from 'node:crypto'

export interface FailureTraits {
  readonly errorType: string
  /** The application's own place that it came from, without line numbers; null when none is known. */
  readonly frame: string | null
  readonly consumer: string
  readonly messageType: string
}

const HEX_DIGITS = 16

/** Failures that look alike have the same one, over restarts and deployments. */
export function failureFingerprint({ errorType, frame, consumer, messageType }: FailureTraits): string {
  const traits = JSON.stringify([errorType, frame, consumer, messageType])
  return createHash('sha256').update(traits).digest('hex').slice(0, HEX_DIGITS)
}
