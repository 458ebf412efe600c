import { isWaybillError, type WaybillErrorCode } from '../../../src/index.ts'
import type { FailureClass } from '../../../src/ports.ts'
import type { ProblemCode } from './codes.ts'
import { Problem } from './problem.ts'
import { toWire } from '../wire.ts'

/** What the operations throw on purpose. Their sentences are written for those who asked. */
const OF_OPERATIONS: Partial<Readonly<Record<WaybillErrorCode, ProblemCode>>> = {
  WAYBILL_OPTION_INVALID: 'invalid_request',
  WAYBILL_MESSAGE_INVALID: 'invalid_request',
  WAYBILL_PAYLOAD_INVALID: 'invalid_request',
  WAYBILL_MESSAGE_TOO_LARGE: 'body_too_large',
  WAYBILL_NOT_FOUND: 'not_found',
  WAYBILL_REVISION_CONFLICT: 'revision_conflict',
  WAYBILL_STATE_CONFLICT: 'state_conflict',
  WAYBILL_CONFIRMATION_NEEDED: 'confirmation_needed',
  WAYBILL_COUNT_CHANGED: 'count_changed',
  WAYBILL_CURSOR_INVALID: 'cursor_invalid',
  WAYBILL_IDEMPOTENCY_MISMATCH: 'idempotency_mismatch',
  WAYBILL_EDITING_OFF: 'editing_off',
  WAYBILL_DATABASE_UNAVAILABLE: 'database_unavailable',
}

/** What the HTTP framework throws before a route is reached. */
const OF_FRAMEWORK: Readonly<Record<string, ProblemCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_INVALID_JSON_BODY: 'malformed_body',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'malformed_body',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'malformed_body',
  FST_ERR_BAD_URL: 'invalid_request',
  FST_ERR_MAX_PARAM_LENGTH: 'invalid_request',
}

/** Tells a database that is away from anything else that a call to it throws. */
export type Classify = (error: unknown) => FailureClass

/** The problem to answer with; null for what nobody has foreseen, of which the caller learns nothing. */
export function translate(error: unknown, classify: Classify | undefined): Problem | null {
  if (error instanceof Problem) return error
  if (isWaybillError(error)) {
    const code = OF_OPERATIONS[error.code]
    const members = toWire(error.details) as Record<string, unknown>
    return code === undefined ? null : new Problem(code, { detail: error.message, members })
  }
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const known = OF_FRAMEWORK[code]
  if (known !== undefined) return new Problem(known)
  if (classify?.(error) === 'infrastructure') {
    return new Problem('database_unavailable', { headers: { 'retry-after': '5' } })
  }
  return null
}
