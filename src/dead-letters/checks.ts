import { WaybillError } from '../errors.ts'
import { isMessageId } from '../message/message-id.ts'
import { kindOf, quote, textFault } from '../message/text.ts'
import { checkNames } from '../shape.ts'
import type { DeadLetterFilter, LetterState } from './dead-letter.ts'
import type { AuditFilter, Confirmation, Intent } from './intent.ts'

const STATES: readonly LetterState[] = ['retry', 'waiting', 'dead', 'resolved', 'discarded']
const TEXTS = ['consumer', 'type', 'key', 'reason', 'errorText', 'fingerprint', 'correlationId'] as const
const FILTER_NAMES = ['state', 'direction', 'from', 'until', 'messageId', ...TEXTS]
const MOST_CHARACTERS = 1024

/** A filter as it is used: the state is always given. */
export type CheckedFilter = DeadLetterFilter & { readonly state: LetterState }

/** @throws WaybillError WAYBILL_OPTION_INVALID */
export function checkFilter(filter: DeadLetterFilter = {}): CheckedFilter {
  checkNames(filter, 'The filter', FILTER_NAMES)
  const { state = 'dead', direction, from, until, messageId } = filter
  checkChoice('state', state, STATES)
  if (direction !== undefined) checkChoice('direction', direction, ['in', 'out'])
  for (const name of TEXTS) checkText(name, filter[name])
  checkText('messageId', messageId)
  checkTime('from', from)
  checkTime('until', until)
  return { ...filter, state, ...(messageId !== undefined && { messageId: asWritten(messageId) }) }
}

/** Ids that are UUIDs are stored in lower case. */
function asWritten(messageId: string): string {
  const lower = messageId.toLowerCase()
  return isMessageId(lower) ? lower : messageId
}

const AUDIT_TEXTS = ['actor', 'action', 'target'] as const

/** @throws WaybillError WAYBILL_OPTION_INVALID */
export function checkAuditFilter(filter: AuditFilter = {}): AuditFilter {
  checkNames(filter, 'The filter', [...AUDIT_TEXTS, 'outcome', 'from', 'until'])
  for (const name of AUDIT_TEXTS) checkText(name, filter[name])
  if (filter.outcome !== undefined) checkChoice('outcome', filter.outcome, ['done', 'refused', 'denied'])
  checkTime('from', filter.from)
  checkTime('until', filter.until)
  return filter
}

/** @throws WaybillError WAYBILL_OPTION_INVALID */
export function checkIntent(intent: Intent): void {
  checkText('by.name', intent.by.name)
  if (intent.by.name === '') throw invalid('The name of the actor is empty.', 'Wanted is who it is.')
  checkText('reason', intent.reason)
  checkText('idempotencyKey', intent.idempotencyKey)
  if (intent.idempotencyKey === '') throw invalid('The idempotency key is empty.', 'Wanted is a text.')
}

export function checkReason(reason: string | undefined, what: string): void {
  if (typeof reason === 'string' && reason.trim() !== '') return
  throw invalid(`No reason is given to ${what}.`, 'Wanted is a sentence for those who look into it later.')
}

export function checkConfirmations(confirm: readonly Confirmation[] | undefined): void {
  for (const one of confirm ?? []) checkChoice('confirm', one, ['uncertain', 'replays', 'order'])
}

/** @throws WaybillError WAYBILL_OPTION_INVALID */
export function checkNumber(name: string, value: number, [least, most]: readonly [number, number]): void {
  if (typeof value === 'number' && value >= least && value <= most) return
  throw invalid(`${name} is ${String(value)}.`, `Wanted is a number from ${least} to ${most}.`)
}

/** @throws WaybillError WAYBILL_OPTION_INVALID */
export function checkWhole(name: string, value: number, range: readonly [number, number]): void {
  checkNumber(name, value, range)
  if (!Number.isInteger(value)) throw invalid(`${name} is ${String(value)}.`, 'Wanted is a whole number.')
}

/** @throws WaybillError WAYBILL_OPTION_INVALID */
export function checkName(what: string, value: string): void {
  checkText(what, value)
  if (value === '') throw invalid(`${what} is empty.`, 'Wanted is a name.')
}

function checkText(name: string, value: unknown): void {
  if (value === undefined) return
  if (typeof value !== 'string') throw invalid(`${name} is ${kindOf(value)}.`, 'Wanted is a text.')
  const fault = value.length > MOST_CHARACTERS ? 'is too long' : textFault(value)
  if (fault !== null)
    throw invalid(`${name} ${fault}.`, `Wanted is a text of at most ${String(MOST_CHARACTERS)} characters.`)
}

/** The years that PostgreSQL and people can do with. */
const YEARS = [1970, 9999] as const

function checkTime(name: string, value: unknown): void {
  if (value === undefined) return
  const year = value instanceof Date ? value.getUTCFullYear() : Number.NaN
  if (year >= YEARS[0] && year <= YEARS[1]) return
  throw invalid(`${name} is not a time.`, `Wanted is a Date of the years ${YEARS[0]} to ${YEARS[1]}.`)
}

function checkChoice(name: string, value: string, choices: readonly string[]): void {
  if (choices.includes(value)) return
  throw invalid(`${name} is ${quote(value)}.`, `Wanted is one of ${choices.join(', ')}.`)
}

function invalid(problem: string, wanted: string): WaybillError {
  return new WaybillError('WAYBILL_OPTION_INVALID', { problem, wanted })
}
