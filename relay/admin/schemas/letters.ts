import { Type, type TSchema } from 'typebox'
import type {
  Attempt,
  CountedPage,
  DeadLetter,
  DeadLetterDetails,
  FailureGroup,
  Page,
  WaitingMessage,
} from '../../../src/ports.ts'
import { CLOSED, describes, named, oneOf, orNull, type SchemaOf } from './describe.ts'
import { anyText, count, LETTER_ID, MESSAGE_ID, time, TOTAL } from './values.ts'

export const DIRECTIONS = ['in', 'out'] as const
export const STATES = ['retry', 'waiting', 'dead', 'resolved', 'discarded'] as const

const PROPERTIES = {
  id: LETTER_ID,
  direction: oneOf(DIRECTIONS, '`in`: at a consumer; `out`: at a relay.'),
  state: oneOf(
    STATES,
    '`retry`: tried again by itself or because it was replayed; `waiting`: behind another one of its key; `dead`: given up until an operator decides; `resolved`: handled after all; `discarded`: given up for good.',
  ),
  revision: Type.Integer({ minimum: 0, description: 'Grows with each change; the ETag is made of it.' }),
  consumer: orNull(anyText('Null for one of a relay.')),
  message_id: MESSAGE_ID,
  type: anyText('The type of the message.'),
  version: Type.Integer({ description: 'The version of its payload.' }),
  key: orNull(anyText('Messages of one key keep their order.')),
  source: orNull(anyText('The service that wrote it.')),
  exchange: anyText('The exchange that it was published to.'),
  routing_key: anyText('Its routing key.'),
  correlation_id: orNull(anyText('The conversation that it belongs to.')),
  causation_id: orNull(anyText('The message whose handling wrote it.')),
  reason: anyText(
    'Why it is here: `failed`, `exhausted`, `permanent`, `malformed`, `unknown_type`, `conflict`, `poison_crash`, `suspect`, `delivery_limit`, `rejected`, `expired`, `max_length` and others.',
  ),
  error_type: orNull(anyText('The kind of the last error.')),
  error_message: orNull(anyText('What the last error said.')),
  fingerprint: orNull(anyText('Those that failed alike have the same one.')),
  attempts: count('How often it was tried.'),
  crashes: count('How often it died with the process that handled it.'),
  replays: count('How often it was replayed.'),
  uncertain: Type.Boolean({
    description: 'A replay could be a second time in effect, and must be confirmed.',
  }),
  blocking: Type.Boolean({ description: 'Those of its key that came later wait for it.' }),
  edited_from: orNull(anyText('The dead letter that it was made from by an edit.')),
  created_at: orNull(time('When the message was written.')),
  received_at: time('When it failed first.'),
  failed_at: time('When it failed last.'),
  next_attempt_at: orNull(time('When it is tried again.')),
  ended_at: orNull(time('When it was resolved or discarded.')),
}

/** By the names that they have in JSON. */
export const LETTER_PROPERTIES: Readonly<Record<string, TSchema>> = PROPERTIES

export const DEAD_LETTER: SchemaOf<DeadLetter> = describes<DeadLetter>('DeadLetter')(
  Type.Object(PROPERTIES, {
    ...CLOSED,
    description: 'A message that could not be handled or published, without what it says.',
  }),
)

export const DEAD_LETTER_DETAILS: SchemaOf<DeadLetterDetails> = describes<DeadLetterDetails>(
  'DeadLetterDetails',
)(
  Type.Object(
    {
      ...PROPERTIES,
      headers: Type.Record(Type.String(), Type.String(), { description: 'The headers of the message.' }),
      content_type: anyText('Of the payload; empty when its sender did not say.'),
      payload_bytes: count('The size of the payload.'),
      error_stack: orNull(anyText('Where the last error came from.')),
      error_frame: orNull(anyText('The topmost line of the stack that is the application’s own.')),
      waiting: TOTAL,
    },
    { ...CLOSED, description: 'All that is known of a dead letter, its payload apart.' },
  ),
)

const ATTEMPT: SchemaOf<Attempt> = describes<Attempt>('Attempt')(
  Type.Object(
    {
      outcome: oneOf(['failed', 'crashed', 'handled'], 'How it ended.'),
      replay: Type.Boolean({ description: 'An operator had asked for it.' }),
      host: orNull(anyText('Where it ran.')),
      duration_ms: orNull(count('How long it took.')),
      ended_at: time('When it ended.'),
      trace_id: orNull(anyText('The trace in which it was tried, if one was recorded.')),
      error_type: orNull(anyText('The kind of the error.')),
      error_message: orNull(anyText('What the error said.')),
      error_stack: orNull(anyText('Where the error came from.')),
    },
    { ...CLOSED, description: 'One time that a message was tried.' },
  ),
)

const FAILURE_GROUP: SchemaOf<FailureGroup> = describes<FailureGroup>('FailureGroup')(
  Type.Object(
    {
      fingerprint: orNull(anyText('A filter by it finds them all.')),
      count: count('How many there are.'),
      consumer: orNull(anyText('Null for those of a relay.')),
      type: anyText('The type of the messages.'),
      reason: anyText('Why they are here.'),
      error_type: orNull(anyText('The kind of the error.')),
      first_failed_at: time('When the first one failed.'),
      last_failed_at: time('When the last one failed.'),
      example: DEAD_LETTER,
    },
    { ...CLOSED, description: 'Dead letters that failed alike.' },
  ),
)

const NEXT_CURSOR = orNull(
  anyText('For the next page, with the same filter; null when this is the last one.'),
)

/** The schema of a page of a list. */
export function pageOf<Item>(name: string, item: SchemaOf<Item>): SchemaOf<Page<Item>> {
  return named(name, Type.Object({ items: Type.Array(item), next_cursor: NEXT_CURSOR }, CLOSED))
}

/** The schema of a page of a list that is counted. */
function countedPageOf<Item>(name: string, item: SchemaOf<Item>): SchemaOf<CountedPage<Item>> {
  return named(name, Type.Object({ items: Type.Array(item), next_cursor: NEXT_CURSOR, total: TOTAL }, CLOSED))
}

export const DEAD_LETTER_PAGE: SchemaOf<CountedPage<DeadLetter>> = countedPageOf(
  'DeadLetterPage',
  DEAD_LETTER,
)
export const FAILURE_GROUP_PAGE: SchemaOf<Page<FailureGroup>> = pageOf('FailureGroupPage', FAILURE_GROUP)
export const ATTEMPT_PAGE: SchemaOf<Page<Attempt>> = pageOf('AttemptPage', ATTEMPT)

const WAITING: SchemaOf<WaitingMessage> = describes<WaitingMessage>('WaitingMessage')(
  Type.Object(
    {
      letter_id: orNull(LETTER_ID),
      message_id: MESSAGE_ID,
      type: anyText('The type of the message.'),
      since: time('Since when it is there.'),
    },
    { ...CLOSED, description: 'A message that waits for an earlier one of its key.' },
  ),
)
export const WAITING_PAGE: SchemaOf<CountedPage<WaitingMessage>> = countedPageOf('WaitingPage', WAITING)

/** What a message says, as JSON: a text where it is one, else base64. */
export interface PayloadView {
  readonly contentType: string
  readonly sealed: boolean
  readonly redacted: boolean
  readonly encoding: 'utf-8' | 'base64'
  readonly content: string
}

export const PAYLOAD: SchemaOf<PayloadView> = describes<PayloadView>('Payload')(
  Type.Object(
    {
      content_type: anyText('Of the payload; empty when its sender did not say.'),
      sealed: Type.Boolean({ description: 'It is still as the encryption of the consumer left it.' }),
      redacted: Type.Boolean({ description: 'Something in it was made unreadable on purpose.' }),
      encoding: oneOf(['utf-8', 'base64'], 'How `content` is written.'),
      content: anyText('What the message says, as it was sent.'),
    },
    CLOSED,
  ),
)
