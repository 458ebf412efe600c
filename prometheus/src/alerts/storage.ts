import { OUTBOX, promql, rate, sampled, type AlertsOf } from '../rule.ts'

/** The tables, and the admin API over them. */
export const storageAlerts: AlertsOf = (values) => {
  const { storage, wait, now, admin } = values
  const table = `${OUTBOX}, table`
  return [
    {
      name: 'OutboxTableBloat',
      severity: 'warn',
      for: wait.longer,
      expr: promql`${sampled('outbox_table_dead_tuples', table)} > ${storage.deadTuples}
        and ${sampled('outbox_table_dead_tuples', table)}
          > ${storage.deadPerLive} * ${sampled('outbox_table_live_tuples', table)}`,
      summary: 'Table {{ $labels.table }} of {{ $labels.outbox }} is full of dead rows',
      description: '{{ $value | humanize }} dead rows wait for vacuum, many times as many as live ones.',
    },
    {
      name: 'OutboxLongTransaction',
      severity: 'warn',
      for: wait.usual,
      expr: `${sampled('outbox_oldest_transaction_age_seconds')} > ${storage.transactionSeconds}`,
      summary: 'A transaction in the database of {{ $labels.outbox }} stays open',
      description:
        'The oldest one is {{ $value | humanizeDuration }} old. Nothing that died since can be vacuumed, and what it wrote waits for its commit.',
    },
    {
      name: 'OutboxCleanupStale',
      severity: 'ticket',
      for: storage.cleanupWait,
      // 0 says that this relay has not done so yet, as it may have started a moment ago.
      expr: `time() - (max by (${OUTBOX}) (outbox_cleanup_last_success_timestamp_seconds) > 0) > ${storage.cleanupSeconds}`,
      summary: 'Nothing is cleaned up for {{ $labels.outbox }}',
      description:
        'The last time was {{ $value | humanizeDuration }} ago. What is no longer needed stays, and tables grow.',
    },
    {
      name: 'WaybillAdminErrors',
      severity: 'warn',
      for: wait.long,
      expr: promql`${rate('admin_http_request_duration_seconds_count{status_class="5xx"}', now, 'job')}
        / ${rate('admin_http_request_duration_seconds_count', now, 'job')} > ${admin.errorRatio}`,
      summary: 'The admin API of {{ $labels.job }} fails',
      description: '{{ $value | humanizePercentage }} of its requests are answered with an error of its own.',
    },
  ]
}
