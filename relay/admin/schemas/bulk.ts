import { Type, type TArray, type TEnum, type TOptional } from 'typebox'
import type {
  BulkItem,
  BulkOperation,
  BulkPreview,
  Confirmation,
  DeadLetterFilter,
  Page,
} from '../../../src/ports.ts'
import { CLOSED, describes, oneOf, orNull, type SchemaOf } from './describe.ts'
import { LETTER_FILTER } from './filters.ts'
import { pageOf } from './letters.ts'
import { anyText, BULK_ID, count, LETTER_ID, text, time, TOTAL } from './values.ts'

const ACTIONS = ['replay', 'discard'] as const
const CONFIRMATIONS: readonly Confirmation[] = ['uncertain', 'replays', 'order']

export const CONFIRM: TOptional<TArray<TEnum<Confirmation[]>>> = Type.Optional(
  Type.Array(
    oneOf(
      CONFIRMATIONS,
      '`uncertain`: the message might be handled a second time; `replays`: it was replayed five times or more; `order`: later messages of its key may have been handled meanwhile.',
    ),
    {
      maxItems: CONFIRMATIONS.length,
      uniqueItems: true,
      description: 'What the operator was told of and wants all the same.',
    },
  ),
)

/** How a bulk operation is asked for: exactly one of `ids` and `filter`. */
export interface BulkBody {
  readonly action: (typeof ACTIONS)[number]
  readonly ids?: readonly string[]
  readonly filter?: DeadLetterFilter
  readonly dryRun?: boolean
  readonly expectedCount?: number
  readonly max?: number
  readonly rate?: number
  readonly canary?: number
  readonly stopAfter?: number
  readonly confirm?: readonly Confirmation[]
  readonly reason?: string
}

export const BULK_BODY: SchemaOf<BulkBody> = describes<BulkBody>('BulkRequest')(
  Type.Object(
    {
      action: oneOf(ACTIONS, 'What is done with each one.'),
      ids: Type.Optional(
        Type.Array(LETTER_ID, {
          minItems: 1,
          maxItems: 10_000,
          uniqueItems: true,
          description: 'These, or a filter.',
        }),
      ),
      filter: Type.Optional(LETTER_FILTER),
      dry_run: Type.Optional(Type.Boolean({ description: 'Counts, and changes nothing.', default: false })),
      expected_count: Type.Optional(
        count('How many you have seen: when it is more than 10 % off, nothing is done.'),
      ),
      max: Type.Optional(
        Type.Integer({
          minimum: 1,
          maximum: 100_000,
          default: 100_000,
          description: 'At most so many, those that failed first.',
        }),
      ),
      rate: Type.Optional(
        Type.Number({ minimum: 0.1, maximum: 1000, default: 50, description: 'How many a second.' }),
      ),
      canary: Type.Optional(
        Type.Integer({
          minimum: 1,
          maximum: 10_000,
          description: 'So many first; the rest when all of those have succeeded.',
        }),
      ),
      stop_after: Type.Optional(
        Type.Integer({
          minimum: 1,
          maximum: 100_000,
          default: 20,
          description: 'Pauses when so many have failed again.',
        }),
      ),
      confirm: CONFIRM,
      reason: Type.Optional(text('Why; needed to discard.', 1000)),
    },
    CLOSED,
  ),
)

export const BULK_PREVIEW: SchemaOf<BulkPreview> = describes<BulkPreview>('BulkPreview')(
  Type.Object(
    {
      matched: TOTAL,
      by_consumer: Type.Array(
        Type.Object(
          { consumer: orNull(anyText('Null for those of relays.')), count: count('How many of it.') },
          CLOSED,
        ),
      ),
      need_confirmation: Type.Object(
        {
          uncertain: Type.Optional(count('How many are refused without it.')),
          replays: Type.Optional(count('How many are refused without it.')),
          order: Type.Optional(count('How many are refused without it.')),
        },
        CLOSED,
      ),
    },
    { ...CLOSED, description: 'What a dry run found.' },
  ),
)

export const BULK_OPERATION: SchemaOf<BulkOperation> = describes<BulkOperation>('BulkOperation')(
  Type.Object(
    {
      id: BULK_ID,
      action: oneOf(ACTIONS, 'What is done with each one.'),
      state: oneOf(
        ['running', 'paused', 'watching', 'finished', 'cancelled'],
        '`watching`: all was done, what came of it is still awaited.',
      ),
      pause_reason: orNull(anyText('Why it is paused.')),
      selection: Type.Union([
        Type.Object({ ids: count('How many were named.') }, CLOSED),
        Type.Object({ filter: LETTER_FILTER }, CLOSED),
      ]),
      rate: Type.Number({ description: 'How many a second.' }),
      canary: count('How many first; 0: no canary.'),
      stop_after: count('Pauses when so many have failed again.'),
      progress: Type.Object(
        {
          matched: count('How many were chosen.'),
          done: count('How many were replayed or discarded.'),
          skipped: count(
            'How many were passed over because they had changed meanwhile, or needed a confirmation.',
          ),
          succeeded: count('How many of those replayed were handled or published.'),
          failed_again: count('How many of those replayed have failed again.'),
        },
        CLOSED,
      ),
      started_by: anyText('Who started it.'),
      reason: orNull(anyText('Why.')),
      created_at: time('When it was started.'),
      ended_at: orNull(time('When it was finished or cancelled.')),
    },
    { ...CLOSED, description: 'A repair of many dead letters, which outlives the process that does it.' },
  ),
)

export const BULK_PAGE: SchemaOf<Page<BulkOperation>> = pageOf('BulkOperationPage', BULK_OPERATION)

const BULK_ITEM: SchemaOf<BulkItem> = describes<BulkItem>('BulkItem')(
  Type.Object(
    {
      letter_id: LETTER_ID,
      outcome: oneOf(
        ['pending', 'done', 'succeeded', 'failed-again', 'skipped'],
        '`done`: what came of it is not known yet.',
      ),
      detail: orNull(anyText('More about it.')),
    },
    { ...CLOSED, description: 'One dead letter of a bulk operation, and what came of it.' },
  ),
)
export const BULK_ITEM_PAGE: SchemaOf<Page<BulkItem>> = pageOf('BulkItemPage', BULK_ITEM)
