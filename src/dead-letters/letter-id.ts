import { WaybillError } from '../errors.ts'
import { quote } from '../message/text.ts'
import type { Direction } from './dead-letter.ts'

/** Names a stored row behind an id. */
export interface LetterRef {
  readonly direction: Direction
  readonly number: number
}

export function letterId({ direction, number }: LetterRef): string {
  return `${direction}-${String(number)}`
}

/** @throws WaybillError WAYBILL_OPTION_INVALID */
export function letterRef(id: string): LetterRef {
  const [, direction, digits] = /^(in|out)-([1-9]\d{0,15})$/.exec(id) ?? []
  const number = Number(digits)
  if (direction === undefined || !Number.isSafeInteger(number)) {
    throw new WaybillError('WAYBILL_OPTION_INVALID', {
      problem: `${quote(id)} is not the id of a dead letter.`,
      wanted: 'Wanted is one such as in-12 or out-7.',
    })
  }
  return { direction: direction === 'in' ? 'in' : 'out', number }
}

export function bulkId(number: number): string {
  return `bulk-${String(number)}`
}

/** @throws WaybillError WAYBILL_OPTION_INVALID */
export function bulkNumber(id: string): number {
  const number = Number(/^bulk-([1-9]\d{0,15})$/.exec(id)?.[1])
  if (Number.isSafeInteger(number)) return number
  throw new WaybillError('WAYBILL_OPTION_INVALID', {
    problem: `${quote(id)} is not the id of a bulk operation.`,
    wanted: 'Wanted is one such as bulk-3.',
  })
}
