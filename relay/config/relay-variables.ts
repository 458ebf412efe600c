import type { RelayOptions } from '../options.ts'
import { oneOf, whole } from './parse.ts'
import { optional, type VariablesOf } from './variable.ts'

export interface RelayValues {
  readonly WAYBILL_LEASE_MS: number
  readonly WAYBILL_RENEW_MS: number | null
  readonly WAYBILL_GRACE_MS: number
  readonly WAYBILL_MARGIN_MS: number | null
  readonly WAYBILL_REBALANCE_MS: number
  readonly WAYBILL_BATCH_SIZE: number
  readonly WAYBILL_WINDOW: number
  readonly WAYBILL_WINDOW_BYTES: number
  readonly WAYBILL_POLL_MIN_MS: number
  readonly WAYBILL_POLL_MAX_MS: number
  readonly WAYBILL_SWEEP_MS: number
  readonly WAYBILL_GATE_MAX_MS: number
  readonly WAYBILL_SAMPLE_MS: number
  readonly WAYBILL_HISTORY_MS: number
  readonly WAYBILL_PROGRESS_MS: number
  readonly WAYBILL_ORDER: NonNullable<RelayOptions['order']>
  readonly WAYBILL_ON_DEAD: NonNullable<RelayOptions['onDead']>
  readonly WAYBILL_ON_UNROUTABLE: NonNullable<RelayOptions['onUnroutable']>
  readonly WAYBILL_RETRY_BASE_MS: number
  readonly WAYBILL_RETRY_MAX_MS: number
  readonly WAYBILL_RETRY_ATTEMPTS: number
  readonly WAYBILL_RETRY_FOR_MS: number
  readonly WAYBILL_BLOCKED_ALERT: number
}

const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000

/** The options of `createRelay` that people who run one want to change; ranges and defaults are those of options.ts. */
export const RELAY_VARIABLES: VariablesOf<RelayValues> = {
  WAYBILL_LEASE_MS: {
    ...optional,
    meaning:
      'How long the lanes of a relay stay its own without a renewal. A crashed relay delays its messages by this and WAYBILL_GRACE_MS.',
    parser: whole('milliseconds', 1000, HOUR_MS),
    fallback: 15_000,
  },
  WAYBILL_RENEW_MS: {
    ...optional,
    meaning: 'How often the lease is renewed. Left out: a quarter of WAYBILL_LEASE_MS.',
    parser: whole('milliseconds', 10, HOUR_MS),
    fallback: null,
  },
  WAYBILL_GRACE_MS: {
    ...optional,
    meaning: 'How long other relays wait after the end of a lease before they take the lanes over.',
    parser: whole('milliseconds', 0, HOUR_MS),
    fallback: 10_000,
  },
  WAYBILL_MARGIN_MS: {
    ...optional,
    meaning:
      'How long before the end of its lease a relay gives it up for lost. Left out: 2/15 of WAYBILL_LEASE_MS, 2000 at most.',
    parser: whole('milliseconds', 0, HOUR_MS),
    fallback: null,
  },
  WAYBILL_REBALANCE_MS: {
    ...optional,
    meaning: 'How often lanes are shared out anew among the relays.',
    parser: whole('milliseconds', 10, HOUR_MS),
    fallback: 2000,
  },
  WAYBILL_BATCH_SIZE: {
    ...optional,
    meaning: 'The most messages that one fetch brings.',
    parser: whole('messages', 1, 10_000),
    fallback: 1000,
  },
  WAYBILL_WINDOW: {
    ...optional,
    meaning: 'The most messages that wait for a confirm at a time.',
    parser: whole('messages', 1, 100_000),
    fallback: 2000,
  },
  WAYBILL_WINDOW_BYTES: {
    ...optional,
    meaning: 'The most bytes that wait for a confirm at a time; half as many may wait in memory.',
    parser: whole('bytes', 65_536, 1_073_741_824),
    fallback: 8_388_608,
  },
  WAYBILL_POLL_MIN_MS: {
    ...optional,
    meaning: 'The wait between two looks for new messages while there is work.',
    parser: whole('milliseconds', 1, 60_000),
    fallback: 3,
  },
  WAYBILL_POLL_MAX_MS: {
    ...optional,
    meaning: 'The wait between two looks for new messages when there was none for a while.',
    parser: whole('milliseconds', 1, 60_000),
    fallback: 50,
  },
  WAYBILL_SWEEP_MS: {
    ...optional,
    meaning: 'How often the outbox is searched without hints.',
    parser: whole('milliseconds', 50, DAY_MS),
    fallback: 30_000,
  },
  WAYBILL_GATE_MAX_MS: {
    ...optional,
    meaning: 'The longest wait before an exchange that failed is tried again.',
    parser: whole('milliseconds', 10, HOUR_MS),
    fallback: 30_000,
  },
  WAYBILL_SAMPLE_MS: {
    ...optional,
    meaning:
      'How often the relay that owns lane 0 counts what is stored, for the metrics that are sampled. 0: never.',
    parser: whole('milliseconds', 0, HOUR_MS),
    fallback: 15_000,
  },
  WAYBILL_HISTORY_MS: {
    ...optional,
    meaning:
      'How long what was written is kept in the history, for `waybill audit`, where outboxes have the option `history`.',
    parser: whole('milliseconds', HOUR_MS, 40 * HOUR_MS),
    fallback: DAY_MS,
  },
  WAYBILL_PROGRESS_MS: {
    ...optional,
    meaning: 'A relay with work that publishes nothing for this long is not ready.',
    parser: whole('milliseconds', 100, DAY_MS),
    fallback: 60_000,
  },
  WAYBILL_ORDER: {
    ...optional,
    meaning:
      'Whether a message waits for the confirm of the one before it in its key; pipelined, a refused or lost one may be overtaken.',
    parser: oneOf('strict', 'pipelined'),
    fallback: 'strict',
  },
  WAYBILL_ON_DEAD: {
    ...optional,
    meaning:
      'What becomes of the messages behind one that can never be published: those of its key wait for a person, or go on.',
    parser: oneOf('block-key', 'skip'),
    fallback: 'block-key',
  },
  WAYBILL_ON_UNROUTABLE: {
    ...optional,
    meaning:
      'What becomes of a message that no queue is bound for, unless its type says so: kept until there is one, dropped, or moved aside.',
    parser: oneOf('hold', 'ignore', 'dead'),
    fallback: 'hold',
  },
  WAYBILL_RETRY_BASE_MS: {
    ...optional,
    meaning: 'The wait after the first refusal of a message for its own sake; it doubles with each.',
    parser: whole('milliseconds', 10, HOUR_MS),
    fallback: 5000,
  },
  WAYBILL_RETRY_MAX_MS: {
    ...optional,
    meaning: 'The longest wait between two attempts, half as much again by chance.',
    parser: whole('milliseconds', 10, DAY_MS),
    fallback: 900_000,
  },
  WAYBILL_RETRY_ATTEMPTS: {
    ...optional,
    meaning: 'How often a message may be refused for its own sake before it is dead.',
    parser: whole('refusals', 1, 1000),
    fallback: 10,
  },
  WAYBILL_RETRY_FOR_MS: {
    ...optional,
    meaning: 'How long after its first refusal a message is tried again before it is dead.',
    parser: whole('milliseconds', 0, 30 * DAY_MS),
    fallback: DAY_MS,
  },
  WAYBILL_BLOCKED_ALERT: {
    ...optional,
    meaning: 'How many messages may wait behind a parked one of their key before a warning tells of it.',
    parser: whole('messages', 1, 10_000),
    fallback: 1000,
  },
}
