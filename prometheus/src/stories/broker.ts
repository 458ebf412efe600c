import { relay, type Story } from './story.ts'

const EXCHANGE = ',exchange="orders.events"'
const PUBLISHED = relay('outbox_published_messages_total', EXCHANGE)
const failures = (reason: string): string =>
  relay('outbox_publish_failures_total', `${EXCHANGE},reason="${reason}"`)

export const brokerStories: readonly Story[] = [
  {
    alert: 'OutboxBrokerBlocked',
    what: 'the broker runs out of memory',
    series: { [relay('outbox_broker_blocked')]: '0x10 1x20 0x10' },
    firing: { 9: 0, 14: 1, 33: 0 },
  },
  {
    alert: 'OutboxBrokerDisconnected',
    what: 'one of two relays cannot reach the broker',
    series: {
      [relay('outbox_broker_connected')]: '1x10 0x20 1x10',
      [relay('outbox_broker_connected', '', 'relay-2')]: '1x40',
    },
    firing: { 9: 0, 14: 1, 33: 0 },
  },
  {
    alert: 'OutboxConfirmLatencyHigh',
    what: 'confirms take from two to five seconds',
    series: {
      [relay('outbox_publish_confirm_duration_seconds_bucket', ',le="1"')]: '0+60x10 600x40 600+60x30',
      [relay('outbox_publish_confirm_duration_seconds_bucket', ',le="5"')]: '0+60x80',
      [relay('outbox_publish_confirm_duration_seconds_bucket', ',le="+Inf"')]: '0+60x80',
    },
    firing: { 10: 0, 40: 1, 70: 0 },
  },
  {
    alert: 'OutboxPublishErrorRatioHigh',
    what: 'one attempt of four fails',
    series: { [PUBLISHED]: '0+30x60', [failures('refused')]: '0x10 0+10x20 200x30' },
    firing: { 9: 0, 20: 1, 40: 0 },
  },
  {
    alert: 'OutboxUnroutable',
    what: 'the last queue is deleted, and is there again',
    series: { [failures('unroutable')]: '0x10 0+1x20 20x20' },
    firing: { 9: 0, 14: 1, 40: 0 },
  },
  {
    alert: 'OutboxGateClosed',
    what: 'an exchange is missing for a while',
    series: { [relay('outbox_gates_closed_total', EXCHANGE)]: '0x10 1x30' },
    firing: { 9: 0, 13: 1, 25: 0 },
  },
  {
    alert: 'OutboxGateClosed',
    what: 'a queue stays full',
    series: { [failures('refused')]: '0x10 0+1x20 20x20' },
    firing: { 9: 0, 14: 1, 40: 0 },
  },
  {
    alert: 'OutboxDeadMessages',
    what: 'the first message is given up, and later replayed',
    series: { [relay('outbox_dead_messages')]: '0x10 1x20 0x10' },
    firing: { 9: 0, 11: 1, 32: 0 },
  },
  {
    alert: 'OutboxMessagesParked',
    what: 'the broker refuses one message after another',
    series: {
      [relay('outbox_parked_messages_total', `${EXCHANGE},reason="content"`)]: '0x10 0+2x20 40x30',
    },
    firing: { 9: 0, 25: 1, 55: 0 },
  },
  {
    alert: 'OutboxOrderingKeyBlocked',
    what: 'a parked message keeps its key',
    series: { [relay('outbox_blocked_keys')]: '0x10 1x30 0x10' },
    firing: { 9: 0, 15: 0, 25: 1, 44: 0 },
  },
]
