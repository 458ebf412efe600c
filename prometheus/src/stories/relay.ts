import { relay, type Story } from './story.ts'

const BEAT = relay('outbox_relay_last_cycle_timestamp_seconds')
const AGE = relay('outbox_oldest_pending_age_seconds')
const PUBLISHED = relay('outbox_published_messages_total', ',exchange="orders.events"')
const PAUSED = relay('outbox_relay_paused')
const PENDING = relay('outbox_pending_messages')
const TAKEN = relay('outbox_sample_timestamp_seconds')
const lane = (instance: string): string => relay('outbox_lease_held', ',lane="3"', instance)

const progress: readonly Story[] = [
  {
    alert: 'OutboxRelayDown',
    what: 'both relays die, their series end, and one comes back',
    series: {
      [BEAT]: '0+60x30 stale _x30 3660+60x30',
      [relay('outbox_relay_last_cycle_timestamp_seconds', '', 'relay-2')]: '0+60x25 stale',
    },
    firing: { 28: 0, 31: 0, 35: 1, 50: 1, 64: 0 },
    says: {
      at: 40,
      labels: { severity: 'page', job: 'waybill-relay', outbox: 'orders' },
      summary: 'No relay works for orders',
      description:
        'No loop of any relay has turned for 10m 0s. Nothing is published; what services write stays in the outbox.',
    },
  },
  {
    alert: 'OutboxRelayDown',
    what: 'a relay answers and its loops do not turn',
    series: { [BEAT]: '0+60x30 1800x30 3660+60x10' },
    firing: { 30: 0, 35: 1, 63: 0 },
  },
  {
    alert: 'OutboxRelayDown',
    what: 'there has never been one',
    series: {},
    firing: { 0: 0, 2: 1 },
  },
  {
    alert: 'OutboxStalled',
    what: 'messages wait and none is published',
    series: { [AGE]: '0x20 30+60x20 0x20', [PUBLISHED]: '0+100x20 2000x20 2000+100x20', [PAUSED]: '0x60' },
    firing: { 20: 0, 30: 1, 44: 0 },
  },
  {
    alert: 'OutboxStalled',
    what: 'messages wait since an operator wants it so',
    series: { [AGE]: '0x20 30+60x40', [PUBLISHED]: '0+100x20 2000x40', [PAUSED]: '0x20 1x40' },
    firing: { 20: 0, 40: 0, 60: 0 },
  },
  {
    alert: 'OutboxStalled',
    what: 'nothing is written, and so nothing published',
    series: { [AGE]: '0x60', [PUBLISHED]: '50x60', [PAUSED]: '0x60' },
    firing: { 30: 0, 60: 0 },
  },
  {
    alert: 'OutboxBacklogGrowing',
    what: 'more is written than published',
    series: { [PENDING]: '0x20 0+1000x60 60000-2000x30' },
    firing: { 25: 0, 60: 1, 108: 0 },
  },
  {
    alert: 'OutboxBacklogWillExhaust',
    what: 'a backlog that reaches a million within the hour',
    series: { [PENDING]: '0x20 0+25000x60 0x60' },
    firing: { 20: 0, 60: 1, 130: 0 },
  },
  {
    alert: 'OutboxPausedTooLong',
    what: 'a relay stays paused',
    series: { [PAUSED]: '0x10 1x60 0x10' },
    firing: { 30: 0, 45: 1, 75: 0 },
  },
  {
    alert: 'WaybillTargetDown',
    what: 'one of two targets does not answer',
    series: {
      'up{job="waybill-relay",instance="relay-1"}': '1x10 0x20 1x10',
      'up{job="waybill-relay",instance="relay-2"}': '1x40',
      'up{job="other",instance="other-1"}': '0x40',
    },
    firing: { 9: 0, 14: 1, 33: 0 },
  },
]

const lanes: readonly Story[] = [
  {
    alert: 'OutboxNoLeaseOwner',
    what: 'a lane has no owner for a while',
    series: { [lane('relay-1')]: '1x10 0x20 1x10', [lane('relay-2')]: '0x40' },
    firing: { 9: 0, 11: 0, 14: 1, 33: 0 },
  },
  {
    alert: 'OutboxSplitLease',
    what: 'two relays say that a lane is theirs',
    series: { [lane('relay-1')]: '1x40', [lane('relay-2')]: '0x10 1x20 0x10' },
    firing: { 9: 0, 13: 1, 33: 0 },
  },
  {
    alert: 'OutboxLeaseFlapping',
    what: 'lanes go to and fro; before, there was one deployment',
    series: {
      [relay('outbox_lease_transitions_total', ',event="lost"')]: '0x10 64x60 64+16x30 544x30',
    },
    firing: { 12: 0, 70: 0, 100: 1, 125: 0 },
  },
]

const witnesses: readonly Story[] = [
  {
    alert: 'OutboxSweepFinds',
    what: 'a sweep finds the first message that was forgotten',
    series: { [relay('outbox_sweep_finds_total')]: '0x10 1x30' },
    firing: { 9: 0, 12: 1, 38: 0 },
  },
  {
    alert: 'OutboxServerChanged',
    what: 'the database fails over',
    series: { [relay('outbox_server_changes_total')]: '0x10 1x30' },
    firing: { 9: 0, 12: 1, 38: 0 },
  },
  {
    alert: 'OutboxSamplerStale',
    what: 'relays run and the last sample gets old',
    series: { [BEAT]: '0+60x60', [TAKEN]: '0+60x10 600x20 1860+60x30' },
    firing: { 10: 0, 15: 1, 34: 0 },
  },
  {
    alert: 'OutboxSamplerStale',
    what: 'relays run and nobody has ever counted',
    series: { [BEAT]: '0+60x60', [TAKEN]: '_x20 1200+60x40' },
    firing: { 0: 0, 5: 1, 24: 0 },
  },
]

export const relayStories: readonly Story[] = [...progress, ...lanes, ...witnesses]
