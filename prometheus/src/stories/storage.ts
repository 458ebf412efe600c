import { relay, type Story } from './story.ts'

const TABLE = ',table="inbox"'
const requests = (status: string): string =>
  `admin_http_request_duration_seconds_count{job="waybill-relay",instance="relay-1",method="GET",route="/stats",status_class="${status}"}`

export const storageStories: readonly Story[] = [
  {
    alert: 'OutboxTableBloat',
    what: 'nobody vacuums a table',
    series: {
      [relay('outbox_table_dead_tuples', TABLE)]: '0x10 200000x60 0x10',
      [relay('outbox_table_live_tuples', TABLE)]: '1000x80',
    },
    firing: { 30: 0, 45: 1, 75: 0 },
  },
  {
    alert: 'OutboxTableBloat',
    what: 'a large table has a few dead rows, as all have',
    series: {
      [relay('outbox_table_dead_tuples', TABLE)]: '200000x80',
      [relay('outbox_table_live_tuples', TABLE)]: '1000000x80',
    },
    firing: { 45: 0, 75: 0 },
  },
  {
    alert: 'OutboxLongTransaction',
    what: 'somebody leaves a transaction open',
    series: { [relay('outbox_oldest_transaction_age_seconds')]: '0+60x60 0x10' },
    firing: { 20: 0, 40: 1, 65: 0 },
  },
  {
    alert: 'OutboxCleanupStale',
    what: 'the cleaning up stops for more than a day',
    series: { [relay('outbox_cleanup_last_success_timestamp_seconds')]: '0+60x10 600x1600 97000+60x20' },
    firing: { 60: 0, 1400: 0, 1560: 1, 1625: 0 },
  },
  {
    alert: 'OutboxCleanupStale',
    what: 'a relay has just started and not cleaned up yet',
    series: { [relay('outbox_cleanup_last_success_timestamp_seconds')]: '0x1700' },
    firing: { 60: 0, 1690: 0 },
  },
  {
    alert: 'WaybillAdminErrors',
    what: 'every third request fails',
    series: { [requests('2xx')]: '0+20x80', [requests('5xx')]: '0x10 0+10x30 300x40' },
    firing: { 9: 0, 30: 1, 60: 0 },
  },
]
