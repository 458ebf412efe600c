/**
 * Every error code of the package with what it means; docs/errors.md says what to do about each.
 * Codes are stable: branch on them, never on the text of a message, and never reuse one.
 */
export const ERROR_CODES = {
  WAYBILL_OPTION_INVALID: 'An option has a value that cannot work.',
  WAYBILL_CATALOGUE_INVALID: 'A definition in the message catalogue cannot work.',
  WAYBILL_TYPE_UNKNOWN: 'The message type is not in the catalogue.',
  WAYBILL_EXCHANGE_UNKNOWN: 'The exchange of a message type cannot be derived.',
  WAYBILL_MESSAGE_INVALID: 'A message has a field that cannot be written.',
  WAYBILL_PAYLOAD_INVALID: 'The payload does not satisfy the schema of its type.',
  WAYBILL_PAYLOAD_NOT_EXACT: 'The payload holds a value that would not come out as it went in.',
  WAYBILL_PAYLOAD_UNREADABLE: 'The body of a delivered message cannot be decoded.',
  WAYBILL_MESSAGE_TOO_LARGE: 'A message exceeds a limit on its size.',
  WAYBILL_VERSION_UNSUPPORTED: 'The payload has a version that this catalogue cannot read.',
  WAYBILL_NOT_A_TRANSACTION: 'The given handle is not an open transaction.',
  WAYBILL_TRANSACTION_FINISHED: 'The given transaction is already committed or rolled back.',
  WAYBILL_TRANSACTION_ABORTED: 'The given transaction has failed and can only be rolled back.',
  WAYBILL_UNSUPPORTED: 'The adapter cannot do what was asked.',
  WAYBILL_SCHEMA_MISSING: 'The database schema has not been created.',
  WAYBILL_SCHEMA_TOO_OLD: 'The database schema is older than this code needs.',
  WAYBILL_SCHEMA_TOO_NEW: 'The database schema no longer supports this code.',
  WAYBILL_SETUP_UNSAFE: 'The database is set up in a way on which a promise could not be kept.',
  WAYBILL_MIGRATION_CHANGED: 'A migration that was applied has since been edited.',
  WAYBILL_MIGRATION_BLOCKED: 'A migration did not get the locks that it needs in time.',
  WAYBILL_DATABASE_UNAVAILABLE: 'The database cannot be reached.',
  WAYBILL_BROKER_UNAVAILABLE: 'The broker cannot be reached.',
  WAYBILL_TOPOLOGY_MISSING: 'A queue or exchange does not exist and may not be made here.',
  WAYBILL_TOPOLOGY_MISMATCH: 'A queue or exchange exists with other arguments.',
  WAYBILL_MESSAGE_ID_CONFLICT: 'Two different messages carry the same message id.',
  WAYBILL_HANDLER_TIMEOUT: 'A handler exceeded its time limit.',
  WAYBILL_NOT_RUNNING: 'The service was stopped or was never started.',
  WAYBILL_NOT_FOUND: 'There is nothing of this id or name.',
  WAYBILL_REVISION_CONFLICT: 'What was to be changed has changed meanwhile.',
  WAYBILL_STATE_CONFLICT: 'What was asked for is not possible in the present state.',
  WAYBILL_CONFIRMATION_NEEDED: 'The operation has a risk that the operator has not confirmed.',
  WAYBILL_COUNT_CHANGED: 'There are more or fewer dead letters than the operator has seen.',
  WAYBILL_CURSOR_INVALID: 'The cursor of a list is broken, or belongs to another filter.',
  WAYBILL_IDEMPOTENCY_MISMATCH: 'The idempotency key was used for something else.',
  WAYBILL_EDITING_OFF: 'Editing messages is switched off.',
  WAYBILL_CONFIGURATION_INVALID: 'An environment variable or command line argument cannot be used.',
} as const

export type WaybillErrorCode = keyof typeof ERROR_CODES

/** What {@link WaybillError} says: what was wrong, what was wanted, what to do. */
export interface ErrorReport {
  /** What was wrong, naming the thing: `Key of message "order.placed" has 70000 bytes.` */
  readonly problem: string
  /** What was wanted instead. */
  readonly wanted?: string
  /** What the reader can do about it. */
  readonly remedy?: string
  readonly cause?: unknown
  /** What a program needs of the text, such as a number to go on with. */
  readonly details?: Readonly<Record<string, unknown>>
}

/** Every failure that this package throws on purpose. */
export class WaybillError extends Error {
  override readonly name = 'WaybillError'
  readonly code: WaybillErrorCode
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: WaybillErrorCode, report: ErrorReport) {
    const text = [report.problem, report.wanted, report.remedy].filter((part) => part !== undefined).join(' ')
    super(text, report.cause === undefined ? undefined : { cause: report.cause })
    this.code = code
    this.details = report.details ?? {}
  }
}

/** Whether `error` is a {@link WaybillError}, with the given code if one is given. */
export function isWaybillError(error: unknown, code?: WaybillErrorCode): error is WaybillError {
  return error instanceof WaybillError && (code === undefined || error.code === code)
}
