import { Type } from 'typebox'
import type { Confirmation } from '../../../src/ports.ts'
import { CONFIRM } from './bulk.ts'
import { CLOSED, describes, type SchemaOf } from './describe.ts'
import { text } from './values.ts'

const REASON = text('Why, for those who look into it later.', 1000)

export interface ReplayBody {
  readonly reason?: string
  readonly confirm?: readonly Confirmation[]
}
export const REPLAY_BODY: SchemaOf<ReplayBody> = describes<ReplayBody>('ReplayRequest')(
  Type.Object({ reason: Type.Optional(REASON), confirm: CONFIRM }, CLOSED),
)

export interface DiscardBody {
  readonly reason: string
  readonly confirm?: readonly Confirmation[]
}
export const DISCARD_BODY: SchemaOf<DiscardBody> = describes<DiscardBody>('DiscardRequest')(
  Type.Object({ reason: REASON, confirm: CONFIRM }, CLOSED),
)

export interface EditBody {
  readonly content: string
  readonly encoding?: 'utf-8' | 'base64'
  readonly headers?: Readonly<Record<string, string>>
  readonly reason: string
  readonly confirm?: readonly Confirmation[]
}
export const EDIT_BODY: SchemaOf<EditBody> = describes<EditBody>('EditRequest')(
  Type.Object(
    {
      content: Type.String({ description: 'What the copy says, in the content type of the original.' }),
      encoding: Type.Optional(
        Type.Enum(['utf-8', 'base64'], {
          type: 'string',
          description: 'How `content` is written.',
          default: 'utf-8',
        }),
      ),
      headers: Type.Optional(
        Type.Record(Type.String({ maxLength: 255 }), Type.String({ maxLength: 8192 }), {
          description: 'Instead of those of the original. Left out: those of the original.',
          maxProperties: 100,
        }),
      ),
      reason: REASON,
      confirm: CONFIRM,
    },
    CLOSED,
  ),
)

/** Why, or nothing. */
export interface ReasonBody {
  readonly reason?: string
}
export const REASON_BODY: SchemaOf<ReasonBody> = describes<ReasonBody>('OptionalReason')(
  Type.Object({ reason: Type.Optional(REASON) }, CLOSED),
)

export interface NeededReasonBody {
  readonly reason: string
}
export const NEEDED_REASON_BODY: SchemaOf<NeededReasonBody> = describes<NeededReasonBody>('Reason')(
  Type.Object({ reason: REASON }, CLOSED),
)
