import type { Logger } from '../telemetry/logger.ts'

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
