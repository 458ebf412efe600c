import type { Envelope } from '../message/envelope.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Work } from './verdict.ts'

/** A logger that adds the fields to each line. */
export function withFields(logger: Logger, fields: Readonly<Record<string, unknown>>): Logger {
  return {
    debug: (more, text) => {
      logger.debug({ ...fields, ...more }, text)
    },
    info: (more, text) => {
      logger.info({ ...fields, ...more }, text)
    },
    warn: (more, text) => {
      logger.warn({ ...fields, ...more }, text)
    },
    error: (more, text) => {
      logger.error({ ...fields, ...more }, text)
    },
  }
}

/** By what lines about the handling of a message are found. */
export function fieldsOf(
  { messageId, type, correlationId, causationId }: Envelope,
  work: Pick<Work, 'claimed' | 'handling'>,
): Readonly<Record<string, unknown>> {
  return {
    ...{ messageId, type, correlationId, causationId, attempt: attemptOf(work) },
    ...work.handling?.ids,
  }
}

/** Which attempt it is; the first is 1. */
export function attemptOf({ claimed }: Pick<Work, 'claimed'>): number {
  return (claimed?.attempts ?? 0) + 1
}
