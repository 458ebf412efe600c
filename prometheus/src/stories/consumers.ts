import { relay, service, type Story } from './story.ts'

const processed = (outcome: string): string =>
  service('inbox_processed_messages_total', `,type="order.placed",outcome="${outcome}"`)
const ADDED = service('dlq_added_messages_total', ',reason="exhausted"')
const CONNECTED = service('inbox_consumer_connected')
const PAUSED = service('inbox_consumer_paused')
const HOLDING = service('inbox_holding')

const deadLetters: readonly Story[] = [
  {
    alert: 'DlqMessageAdded',
    what: 'the first dead letter there has ever been',
    series: { [ADDED]: '0x10 1x40' },
    firing: { 9: 0, 12: 1, 40: 0 },
    says: {
      at: 25,
      labels: { severity: 'ticket', job: 'waybill-billing', consumer: 'billing', reason: 'exhausted' },
      summary: 'billing has a new dead letter (exhausted)',
      description:
        'About 1 messages were given up within 15m. They are kept until somebody replays or discards them.',
    },
  },
  {
    alert: 'DlqGrowing',
    what: 'dead letters pile up and are replayed',
    series: {
      [ADDED]: '0x10 0+5x30 150x90',
      [relay('dlq_messages', ',consumer="billing",state="dead"')]: '0x10 0+5x30 150x20 0x70',
    },
    firing: { 9: 0, 40: 1, 65: 0 },
  },
  {
    alert: 'DlqOldMessages',
    what: 'nobody looks at a dead letter for a day',
    series: {
      [relay('dlq_oldest_message_age_seconds', ',consumer="billing"')]: '0x10 0+3600x30 0x10',
    },
    firing: { 20: 0, 38: 1, 45: 0 },
  },
  {
    alert: 'DlqReprocessFailing',
    what: 'replays fail as before',
    series: { [service('dlq_reprocess_outcomes_total', ',outcome="failed_again"')]: '0x10 0+2x10 20x90' },
    firing: { 9: 0, 21: 1, 100: 0 },
  },
]

const handling: readonly Story[] = [
  {
    alert: 'InboxHandlerErrorRatioHigh',
    what: 'every third message fails',
    series: { [processed('handled')]: '0+20x80', [processed('failed')]: '0x10 0+10x30 300x40' },
    firing: { 9: 0, 30: 1, 60: 0 },
  },
  {
    alert: 'InboxDuplicateRatioHigh',
    what: 'every third delivery is a duplicate',
    series: { [processed('handled')]: '0+20x80', [processed('duplicate')]: '0x10 0+10x30 300x40' },
    firing: { 9: 0, 30: 1, 60: 0 },
  },
  {
    alert: 'InboxBreakerOpen',
    what: 'the consumer stops itself',
    series: { [service('inbox_breaker_open')]: '0x10 1x20 0x10' },
    firing: { 9: 0, 14: 1, 33: 0 },
  },
  {
    alert: 'InboxFullKeys',
    what: 'a key has more messages than may wait',
    series: { [service('inbox_full_keys_total')]: '0x10 1x30' },
    firing: { 9: 0, 12: 1, 25: 0 },
  },
]

const presence: readonly Story[] = [
  {
    alert: 'InboxConsumerDisconnected',
    what: 'the subscription is lost',
    series: { [CONNECTED]: '1x10 0x20 1x10', [PAUSED]: '0x40', [HOLDING]: '0x40' },
    firing: { 9: 0, 14: 1, 33: 0 },
  },
  {
    alert: 'InboxConsumerDisconnected',
    what: 'an operator has paused the consumer',
    series: { [CONNECTED]: '1x10 0x20 1x10', [PAUSED]: '0x10 1x20 0x10', [HOLDING]: '0x40' },
    firing: { 9: 0, 14: 0, 33: 0 },
  },
  {
    alert: 'InboxHolding',
    what: 'the database of the consumer is away',
    series: { [HOLDING]: '0x10 1x20 0x10' },
    firing: { 9: 0, 14: 1, 33: 0 },
  },
  {
    alert: 'InboxConsumerGone',
    what: 'the last instance ends, and another one begins',
    series: { [CONNECTED]: '1x10 stale _x20 1x10' },
    firing: { 9: 0, 15: 1, 34: 0 },
  },
  {
    alert: 'InboxPausedTooLong',
    what: 'the consumer stays paused',
    series: { [PAUSED]: '0x10 1x60 0x10' },
    firing: { 30: 0, 45: 1, 75: 0 },
  },
]

const witnesses: readonly Story[] = [
  {
    alert: 'InboxForgottenMessages',
    what: 'a message is found that waited behind nothing',
    series: { [service('inbox_forgotten_messages_total')]: '0x10 1x30' },
    firing: { 9: 0, 12: 1, 38: 0 },
  },
  {
    alert: 'InboxClockSkew',
    what: 'the clock of a sender is ahead',
    series: { [service('inbox_clock_skew_total')]: '0x10 0+5x20 100x30' },
    firing: { 9: 0, 20: 1, 55: 0 },
  },
]

export const consumerStories: readonly Story[] = [...deadLetters, ...handling, ...presence, ...witnesses]
