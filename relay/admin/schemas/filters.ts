import { Type } from 'typebox'
import type { AuditFilter, DeadLetterFilter, PageRequest } from '../../../src/ports.ts'
import { CLOSED, describes, oneOf, type SchemaOf } from './describe.ts'
import { DIRECTIONS, STATES } from './letters.ts'
import { MESSAGE_ID, text, time } from './values.ts'

const PAGE_PROPERTIES = {
  cursor: Type.Optional(
    Type.String({
      description: '`next_cursor` of the page before; with another filter it is refused.',
      minLength: 1,
      maxLength: 2048,
      pattern: '^[A-Za-z0-9_-]+$',
    }),
  ),
  limit: Type.Optional(
    Type.Integer({ description: 'How many at most.', minimum: 1, maximum: 200, default: 50 }),
  ),
}

const FILTER_PROPERTIES = {
  state: Type.Optional(oneOf(STATES, 'Left out: `dead`.')),
  direction: Type.Optional(oneOf(DIRECTIONS, '`in`: at a consumer; `out`: at a relay.')),
  consumer: Type.Optional(text('The name of the consumer.')),
  type: Type.Optional(text('The type of the message.')),
  key: Type.Optional(text('The key of the message.', 1024)),
  reason: Type.Optional(text('Why it is here.', 64)),
  error_text: Type.Optional(text('Found in the type or the text of the error, whatever the case.', 200)),
  fingerprint: Type.Optional(text('Of a group.', 64)),
  from: Type.Optional(time('Failed last at this time or later.')),
  until: Type.Optional(time('Failed last before this time.')),
  message_id: Type.Optional(MESSAGE_ID),
  correlation_id: Type.Optional(text('The conversation that it belongs to.', 1024)),
}

export const LETTER_FILTER: SchemaOf<DeadLetterFilter> = describes<DeadLetterFilter>('DeadLetterFilter')(
  Type.Object(FILTER_PROPERTIES, {
    ...CLOSED,
    description: 'Which dead letters. All that is given must hold; nothing given: all.',
  }),
)

/** What a list of dead letters is asked with. */
export type LetterQuery = DeadLetterFilter & PageRequest
export const LETTER_QUERY: SchemaOf<LetterQuery> = Type.Object(
  { ...FILTER_PROPERTIES, ...PAGE_PROPERTIES },
  CLOSED,
)

/** What the list of messages that relays keep is asked with. */
export type OutboxQuery = Omit<LetterQuery, 'direction' | 'consumer'>
const { direction: _direction, consumer: _consumer, ...OUTBOX_PROPERTIES } = FILTER_PROPERTIES
export const OUTBOX_QUERY: SchemaOf<OutboxQuery> = Type.Object(
  { ...OUTBOX_PROPERTIES, ...PAGE_PROPERTIES },
  CLOSED,
)

export const PAGE_QUERY: SchemaOf<PageRequest> = Type.Object(PAGE_PROPERTIES, CLOSED)

/** What the list of audit events is asked with. */
export type AuditQuery = AuditFilter & PageRequest
export const AUDIT_QUERY: SchemaOf<AuditQuery> = Type.Object(
  {
    actor: Type.Optional(text('Who did it.')),
    action: Type.Optional(
      text('What was asked for, such as `dead-letters.replay`: the names of operations.', 64),
    ),
    target: Type.Optional(text('What it was done to.', 300)),
    outcome: Type.Optional(
      oneOf(
        ['done', 'refused', 'denied'],
        '`refused`: it could not be done; `denied`: the actor may not do it.',
      ),
    ),
    from: Type.Optional(time('At this time or later.')),
    until: Type.Optional(time('Before this time.')),
    ...PAGE_PROPERTIES,
  },
  CLOSED,
)
