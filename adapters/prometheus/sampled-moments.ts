import type { MetricName, OutboxSample, RelayMoments } from '../../src/ports.ts'
import type { Instruments, LabelValues } from './instruments.ts'

type Value = readonly [name: MetricName, labels: LabelValues, value: number]

/**
 * What one relay has counted for all. Whatever the last sample does not tell of is taken back, and all of it once another
 * relay counts: an old value would outlive what it was the value of.
 */
export function sampledMoments(
  { add, set, remove }: Instruments,
  outbox: string,
): Pick<RelayMoments, 'sampled' | 'sampleFailed'> {
  let told = new Map<string, Value>()
  return {
    sampled(sample) {
      const values = sample === null ? [] : valuesOf(sample)
      const now = new Map(
        values.map(([name, labels, value]) => {
          const full = { outbox, ...labels }
          return [JSON.stringify([name, full]), [name, full, value] as const]
        }),
      )
      for (const [key, [name, labels]] of told) if (!now.has(key)) remove(name, labels)
      for (const [name, labels, value] of now.values()) set(name, labels, value)
      told = now
    },
    sampleFailed: () => add('outbox_sample_failures_total', { outbox }),
  }
}

function valuesOf(sample: OutboxSample): readonly Value[] {
  return [
    ['outbox_pending_messages', {}, sample.pending],
    ['outbox_pending_messages_estimated', {}, Number(sample.estimated)],
    ['outbox_oldest_pending_age_seconds', {}, sample.oldestPendingAgeMs / 1000],
    ['outbox_scheduled_messages', {}, sample.scheduled],
    ['outbox_blocked_keys', {}, sample.blockedKeys],
    ['outbox_dead_messages', {}, sample.dead],
    ['outbox_oldest_transaction_age_seconds', {}, sample.oldestTransactionAgeMs / 1000],
    ['outbox_sample_timestamp_seconds', {}, sample.takenAt / 1000],
    ['outbox_sample_duration_seconds', {}, sample.durationMs / 1000],
    ...sample.tables.flatMap(tableValues),
    ...sample.consumers.flatMap(consumerValues),
    ...Object.entries(sample.bulkOperations).map(([state, count]): Value => [
      'admin_bulk_operations_under_way',
      { state },
      count,
    ]),
  ]
}

function tableValues(sample: OutboxSample['tables'][number]): readonly Value[] {
  const { table, bytes, liveTuples, deadTuples, lastVacuumAt } = sample
  return [
    ...Object.entries(bytes).map(([kind, size]): Value => ['outbox_table_bytes', { table, kind }, size]),
    ['outbox_table_live_tuples', { table }, liveTuples],
    ['outbox_table_dead_tuples', { table }, deadTuples],
    ['outbox_table_last_vacuum_timestamp_seconds', { table }, (lastVacuumAt ?? 0) / 1000],
  ]
}

function consumerValues(sample: OutboxSample['consumers'][number]): readonly Value[] {
  const { consumer, dead, retry, waiting, oldestDeadAgeMs, failureGroups, remembered } = sample
  return [
    ...Object.entries({ dead, retry, waiting }).map(([state, count]): Value => [
      'dlq_messages',
      { consumer, state },
      count,
    ]),
    ['dlq_oldest_message_age_seconds', { consumer }, oldestDeadAgeMs / 1000],
    ['dlq_failure_groups', { consumer }, failureGroups],
    ['inbox_records', { consumer }, remembered],
  ]
}
