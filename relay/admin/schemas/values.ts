import { Type, type TInteger, type TString } from 'typebox'
import type { Total } from '../../../src/ports.ts'
import { CLOSED, describes, type SchemaOf } from './describe.ts'

/** A short text that a filter compares with. Control characters are in no name, and break logs. */
export function text(description: string, maxLength = 255): TString {
  return Type.String({ description, minLength: 1, maxLength, pattern: '^[^\\u0000-\\u001f\\u007f]*$' })
}

/** A text of which nothing is asked. */
export function anyText(description: string): TString {
  return Type.String({ description })
}

export function time(description: string): TString {
  return Type.String({ description, format: 'date-time' })
}

export function count(description: string): TInteger {
  return Type.Integer({ description, minimum: 0 })
}

export const LETTER_ID: TString = Type.String({
  description:
    '`in-…` for a message that a consumer could not handle, `out-…` for one that a relay could not publish.',
  pattern: '^(in|out)-[1-9][0-9]{0,15}$',
})

export const BULK_ID: TString = Type.String({
  description: 'The id of a bulk operation.',
  pattern: '^bulk-[1-9][0-9]{0,15}$',
})

/** Most are UUIDs; senders that do not use Waybill have ids of their own kinds. */
export const MESSAGE_ID: TString = text('The id of the message.', 1024)

export const TOTAL: SchemaOf<Total> = describes<Total>('Total')(
  Type.Object(
    {
      count: count('How many there are, as far as they were counted.'),
      is_exact: Type.Boolean({ description: 'False when there are more than `count`.' }),
    },
    CLOSED,
  ),
)
