import { Type } from 'typebox'
import type {
  AuditEvent,
  ConsumerView,
  ConversationView,
  MessageView,
  Page,
  PauseView,
  RelayView,
  Stats,
} from '../../../src/ports.ts'
import { CLOSED, describes, oneOf, orNull, type SchemaOf } from './describe.ts'
import { pageOf, STATES } from './letters.ts'
import { anyText, count, LETTER_ID, MESSAGE_ID, time, TOTAL } from './values.ts'

export const PAUSE: SchemaOf<PauseView> = describes<PauseView>('Pause')(
  Type.Object(
    {
      kind: oneOf(['consumer', 'relay'], 'What is paused.'),
      name: anyText('A consumer; or the host of relays, `*` for all.'),
      paused_at: time('Since when.'),
      paused_by: anyText('By whom.'),
      reason: anyText('Why.'),
    },
    { ...CLOSED, description: 'What an operator has stopped.' },
  ),
)

const INSTANCE = Type.Object(
  {
    instance_id: anyText('Its id.'),
    host: anyText('Where it runs.'),
    started_at: time('Since when.'),
  },
  CLOSED,
)

const CONSUMER: SchemaOf<ConsumerView> = describes<ConsumerView>('Consumer')(
  Type.Object(
    {
      name: anyText('Its name.'),
      queue: orNull(anyText('The queue that it reads; null when no instance runs.')),
      mode: orNull(anyText('How it reads; null when no instance runs.')),
      instances: Type.Array(INSTANCE, { description: 'Those that run.' }),
      retry: TOTAL,
      waiting: TOTAL,
      dead: TOTAL,
      pause: orNull(PAUSE),
    },
    CLOSED,
  ),
)

const RELAY: SchemaOf<RelayView> = describes<RelayView>('Relay')(
  Type.Object(
    {
      relay_id: anyText('Its id.'),
      host: anyText('Where it runs.'),
      live: Type.Boolean({ description: 'Its lease has not run out.' }),
      lanes: Type.Array(Type.Integer(), { description: 'The lanes that it has.' }),
      registered_at: time('Since when.'),
      pause: orNull(PAUSE),
    },
    CLOSED,
  ),
)

export interface ConsumerList {
  readonly items: readonly ConsumerView[]
}
export const CONSUMERS: SchemaOf<ConsumerList> = describes<ConsumerList>('ConsumerList')(
  Type.Object({ items: Type.Array(CONSUMER) }, CLOSED),
)

export interface RelayList {
  readonly items: readonly RelayView[]
}
export const RELAYS: SchemaOf<RelayList> = describes<RelayList>('RelayList')(
  Type.Object({ items: Type.Array(RELAY) }, CLOSED),
)

export interface Resumed {
  readonly wasPaused: boolean
}
export const RESUMED: SchemaOf<Resumed> = describes<Resumed>('Resumed')(
  Type.Object({ was_paused: Type.Boolean({ description: 'Whether it was paused.' }) }, CLOSED),
)

export const STATS: SchemaOf<Stats> = describes<Stats>('Stats')(
  Type.Object(
    {
      as_of: time('By the clock of the database.'),
      in: Type.Object(
        { retry: TOTAL, waiting: TOTAL, dead: TOTAL },
        { ...CLOSED, description: 'Of consumers.' },
      ),
      out: Type.Object({ retry: TOTAL, dead: TOTAL }, { ...CLOSED, description: 'Of relays.' }),
      last_dead_at: orNull(time('When a message was given up last.')),
      bulk_under_way: count('How many bulk operations are under way.'),
      paused: Type.Array(PAUSE),
    },
    CLOSED,
  ),
)

const PLACE_PROPERTIES = {
  place: oneOf(
    ['outbox', 'scheduled', 'failure', 'parked', 'inbox'],
    '`inbox`: a consumer remembers it, as handled unless it is a failure there too.',
  ),
  consumer: orNull(anyText('At which consumer.')),
  state: orNull(oneOf(STATES, 'Of a dead letter.')),
  letter_id: orNull(LETTER_ID),
  type: orNull(anyText('The type of the message.')),
  at: time('Since when.'),
}

export const MESSAGE: SchemaOf<MessageView> = describes<MessageView>('Message')(
  Type.Object(
    {
      message_id: MESSAGE_ID,
      places: Type.Array(Type.Object(PLACE_PROPERTIES, CLOSED), {
        description: 'Where it is or was, as far as that is still stored.',
      }),
      is_complete: Type.Boolean({
        description: 'False when the outbox is so long that not all of it was searched.',
      }),
    },
    CLOSED,
  ),
)

export const CONVERSATION: SchemaOf<ConversationView> = describes<ConversationView>('Conversation')(
  Type.Object(
    {
      correlation_id: anyText('The id of the conversation.'),
      messages: Type.Array(
        Type.Object(
          {
            ...PLACE_PROPERTIES,
            message_id: MESSAGE_ID,
            causation_id: orNull(anyText('The message that caused it.')),
          },
          CLOSED,
        ),
      ),
      is_complete: Type.Boolean({ description: 'False when not all of them were found.' }),
    },
    CLOSED,
  ),
)

const AUDIT_EVENT: SchemaOf<AuditEvent> = describes<AuditEvent>('AuditEvent')(
  Type.Object(
    {
      id: count('Its number.'),
      at: time('When it was done.'),
      actor: anyText('Who did it.'),
      roles: Type.Array(Type.String(), { description: 'The roles that the actor had.' }),
      via: anyText('`api`, `cli` or `program`.'),
      address: orNull(anyText('The network address of the actor.')),
      request_id: orNull(anyText('As the answer named it.')),
      trace_id: orNull(anyText('Of the request.')),
      action: anyText('What was done.'),
      target: anyText('What it was done to.'),
      outcome: oneOf(
        ['done', 'refused', 'denied'],
        '`refused`: it could not be done; `denied`: the actor may not do it.',
      ),
      reason: orNull(anyText('Why.')),
      details: Type.Record(Type.String(), Type.Unknown(), {
        description: 'More; never what a message says.',
      }),
    },
    CLOSED,
  ),
)
export const AUDIT_PAGE: SchemaOf<Page<AuditEvent>> = pageOf('AuditEventPage', AUDIT_EVENT)
