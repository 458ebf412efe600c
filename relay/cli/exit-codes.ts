import { isWaybillError, type WaybillErrorCode } from '../../src/index.ts'

/** How a command ends. docs/configuration.md lists them. */
export const EXIT = {
  ok: 0,
  /** Something went wrong that the other codes do not name. `waybill doctor`: it found errors. */
  failed: 1,
  /** An argument, a variable or the set-up of the database cannot be used: starting again will not help. */
  usage: 2,
  /** The schema is missing, too old, too new or was changed: run `waybill migrate` of the right release. */
  schema: 3,
  /** The database or the broker cannot be reached, or a lock not be had: starting again may help. */
  unavailable: 4,
  /** `waybill status` and `waybill doctor`: all was read, and something wants a person. */
  attention: 5,
  /** As things stand it cannot be done: not found, changed meanwhile, or a confirmation is missing. Nothing was done. */
  conflict: 6,
  /** `waybill audit`: messages are missing where they should have come, or are there and were never noted. */
  gaps: 7,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

const BY_ERROR: Partial<Record<WaybillErrorCode, ExitCode>> = {
  WAYBILL_CONFIGURATION_INVALID: EXIT.usage,
  WAYBILL_OPTION_INVALID: EXIT.usage,
  WAYBILL_SETUP_UNSAFE: EXIT.usage,
  WAYBILL_SCHEMA_MISSING: EXIT.schema,
  WAYBILL_SCHEMA_TOO_OLD: EXIT.schema,
  WAYBILL_SCHEMA_TOO_NEW: EXIT.schema,
  WAYBILL_MIGRATION_CHANGED: EXIT.schema,
  WAYBILL_MIGRATION_BLOCKED: EXIT.unavailable,
  WAYBILL_DATABASE_UNAVAILABLE: EXIT.unavailable,
  WAYBILL_BROKER_UNAVAILABLE: EXIT.unavailable,
  WAYBILL_NOT_FOUND: EXIT.conflict,
  WAYBILL_REVISION_CONFLICT: EXIT.conflict,
  WAYBILL_STATE_CONFLICT: EXIT.conflict,
  WAYBILL_CONFIRMATION_NEEDED: EXIT.conflict,
  WAYBILL_COUNT_CHANGED: EXIT.conflict,
}

export function exitCodeOf(error: unknown): ExitCode {
  return isWaybillError(error) ? (BY_ERROR[error.code] ?? EXIT.failed) : EXIT.failed
}
