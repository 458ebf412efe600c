import { relay, type Story } from './story.ts'

const AGE = relay('outbox_oldest_pending_age_seconds')
const TAKEN = relay('outbox_sample_timestamp_seconds')
const COUNT = relay('outbox_delivery_latency_seconds_count')
const IN_TIME = relay('outbox_delivery_latency_seconds_bucket', ',le="5"')

/** An hour has 60 samples; the budget of a day is 86 s. */
export const sloStories: readonly Story[] = [
  {
    alert: 'OutboxFreshnessBudgetBurnFast',
    what: 'a message waits for ten minutes',
    series: { [AGE]: '0x300 120x10 0x120', [TAKEN]: '0+60x430' },
    firing: { 300: 0, 306: 1, 317: 0 },
    says: {
      at: 306,
      labels: { severity: 'page', job: 'waybill-relay', outbox: 'orders' },
      summary: 'Messages of orders wait too long',
      description:
        'For 9.836% of the last 1h a message had waited more than 60 s, or nobody could tell. That spends the budget of a month 14.4 times as fast as it may be spent.',
    },
  },
  {
    alert: 'OutboxFreshnessBudgetBurnFast',
    what: 'nobody counts for ten minutes, as all relays are gone',
    series: { [AGE]: '0x300 _x10 0x120', [TAKEN]: '0+60x300 _x10 18600+60x120' },
    firing: { 290: 0, 307: 1, 320: 0 },
  },
  {
    alert: 'OutboxFreshnessBudgetBurnFast',
    what: 'another relay takes the counting over within a minute',
    series: {
      [AGE]: '0x300 stale',
      [TAKEN]: '0+60x300 stale',
      [relay('outbox_oldest_pending_age_seconds', '', 'relay-2')]: '_x302 0x60',
      [relay('outbox_sample_timestamp_seconds', '', 'relay-2')]: '_x302 18120+60x60',
    },
    firing: { 299: 0, 301: 0, 302: 0, 306: 0, 330: 0 },
  },
  {
    alert: 'OutboxFreshnessBudgetBurnSlow',
    what: 'messages wait too long for three minutes out of every half an hour',
    series: {
      [AGE]: `0x360 ${'120x2 0x26 '.repeat(14)}0x120`,
      [TAKEN]: '0+60x900',
    },
    firing: { 350: 0, 500: 1, 880: 0 },
  },
  {
    alert: 'OutboxFreshnessBudgetTicket',
    what: 'messages waited too long for half an hour, and the six hours after are over',
    series: { [AGE]: '0x400 120x30 0x400', [TAKEN]: '0+60x830' },
    firing: { 400: 0, 435: 1, 795: 0 },
  },
  {
    alert: 'OutboxDeliveryLatencyBudgetBurn',
    what: 'every other message takes more than five seconds for half an hour',
    series: {
      [COUNT]: '0+60x400',
      [IN_TIME]: '0+60x120 7230+30x30 8190+60x250',
    },
    firing: { 115: 0, 147: 1, 165: 0 },
  },
  {
    alert: 'OutboxDeliveryLatencyBudgetBurn',
    what: 'a message an hour is late, and that is all there is',
    series: {
      [COUNT]: '0x59 1x59 2x59 3x59',
      [IN_TIME]: '0x300',
    },
    firing: { 100: 0, 123: 0, 183: 0 },
  },
]
