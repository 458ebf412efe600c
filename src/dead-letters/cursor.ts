import { createHash } from 'node:crypto'
import { WaybillError } from '../errors.ts'

/** Where a page ended, as the sort keys of its last item. */
export type Place = readonly (string | number)[]

/** What each part of a place must look like, since cursors come from outside. */
export type PlaceShape = readonly ('time' | 'whole' | 'text')[]

/** A list, and what it was asked for: a cursor is good for that alone. */
export interface CursorScope {
  readonly list: string
  readonly about: Readonly<Record<string, unknown>>
  readonly shape: PlaceShape
}

const VERSION = 1
const MOST_LETTERS = 2000

export function writeCursor(scope: CursorScope, place: Place): string {
  return Buffer.from(JSON.stringify([VERSION, digest(scope), ...place])).toString('base64url')
}

/** @throws WaybillError WAYBILL_CURSOR_INVALID */
export function readCursor(scope: CursorScope, cursor: string): Place {
  if (cursor.length > MOST_LETTERS || !/^[\w-]+$/.test(cursor)) throw invalid('The cursor is broken.')
  let parts: unknown
  try {
    parts = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
  } catch {
    throw invalid('The cursor is broken.')
  }
  if (!Array.isArray(parts) || parts[0] !== VERSION) throw invalid('The cursor is broken.')
  if (parts[1] !== digest(scope)) throw invalid('The cursor belongs to another list or filter.')
  const place = parts.slice(2) as unknown[]
  if (place.length !== scope.shape.length || !place.every((part, n) => fits(part, scope.shape[n])))
    throw invalid('The cursor is broken.')
  return place as Place
}

const TIME = /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d)T([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{6}Z$/

function fits(part: unknown, kind: PlaceShape[number] | undefined): boolean {
  if (kind === 'whole') return Number.isSafeInteger(part)
  if (typeof part !== 'string') return false
  return kind === 'time' ? TIME.test(part) && !Number.isNaN(Date.parse(part)) : !part.includes('\0')
}

function digest({ list, about }: CursorScope): string {
  const given = Object.entries(about)
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return createHash('sha256')
    .update(JSON.stringify([list, given]))
    .digest('base64url')
    .slice(0, 16)
}

function invalid(problem: string): WaybillError {
  return new WaybillError('WAYBILL_CURSOR_INVALID', { problem, remedy: 'Begin with the first page.' })
}
