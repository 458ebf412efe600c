import { Type } from 'typebox'
import { CLOSED, type SchemaOf } from './describe.ts'
import { BULK_ID, LETTER_ID, MESSAGE_ID, text } from './values.ts'

export interface IdParams {
  readonly id: string
}
export const LETTER_PARAMS: SchemaOf<IdParams> = Type.Object({ id: LETTER_ID }, CLOSED)
export const BULK_PARAMS: SchemaOf<IdParams> = Type.Object({ id: BULK_ID }, CLOSED)

export interface NameParams {
  readonly name: string
}
export const CONSUMER_PARAMS: SchemaOf<NameParams> = Type.Object(
  { name: text('The name of a consumer.') },
  CLOSED,
)
export const RELAY_PARAMS: SchemaOf<NameParams> = Type.Object(
  { name: text('The host of relays; `*` for all.') },
  CLOSED,
)

export interface MessageParams {
  readonly messageId: string
}
export const MESSAGE_PARAMS: SchemaOf<MessageParams> = Type.Object({ message_id: MESSAGE_ID }, CLOSED)

export interface ConversationParams {
  readonly correlationId: string
}
export const CONVERSATION_PARAMS: SchemaOf<ConversationParams> = Type.Object(
  { correlation_id: text('The conversation that messages belong to.', 1024) },
  CLOSED,
)
