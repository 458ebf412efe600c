import type { MetricName, RelayMoments } from '../../src/ports.ts'
import type { Instruments } from './instruments.ts'

const LANES = Array.from({ length: 16 }, (_, lane) => String(lane))

/** What a process that publishes exports from the beginning, and one that only writes does not. */
const OF_RELAYS: readonly MetricName[] = [
  ...(['outbox_poll_batch_messages', 'outbox_inflight_messages', 'outbox_relay_paused'] as const),
  ...(['outbox_relay_last_cycle_timestamp_seconds', 'outbox_last_publish_timestamp_seconds'] as const),
  ...(['outbox_broker_connected', 'outbox_broker_blocked', 'outbox_broker_reconnects_total'] as const),
  ...(['outbox_sweep_finds_total', 'outbox_server_changes_total', 'outbox_sample_failures_total'] as const),
  ...(['outbox_cleanup_deleted_rows_total', 'outbox_cleanup_last_success_timestamp_seconds'] as const),
  ...(['outbox_lease_transitions_total', 'outbox_poll_duration_seconds'] as const),
]

type Moments =
  ('polled' | 'lanes' | 'lane' | 'publisher' | 'relay') | ('sweepFound' | 'serverChanged' | 'cleaned')

/** What becomes of a relay. */
export function relayMoments(
  instruments: Instruments,
  { outbox, now }: { readonly outbox: string; readonly now: () => number },
): Pick<RelayMoments, Moments> {
  const { add, set } = instruments
  const own = { outbox }
  const self = { isRelay: false, isConnected: false }
  const become = (): void => {
    if (!self.isRelay) declareRelay(instruments, outbox)
    self.isRelay = true
  }
  return {
    ...polledMoment(instruments, outbox),
    sweepFound: (count) => add('outbox_sweep_finds_total', own, count),
    serverChanged: () => add('outbox_server_changes_total', own),
    lanes(owned) {
      become()
      const held = new Set(owned.map(String))
      for (const lane of LANES) set('outbox_lease_held', { outbox, lane }, Number(held.has(lane)))
    },
    lane(_lane, event) {
      become()
      add('outbox_lease_transitions_total', { outbox, event })
    },
    publisher(state) {
      become()
      const isConnected = state === 'ready' || state === 'blocked'
      if (self.isConnected && state === 'connecting') add('outbox_broker_reconnects_total', own)
      self.isConnected = isConnected
      set('outbox_broker_connected', own, Number(isConnected))
      set('outbox_broker_blocked', own, Number(state === 'blocked'))
    },
    relay({ inFlight, paused, publishedAt }) {
      become()
      set('outbox_relay_last_cycle_timestamp_seconds', own, now() / 1000)
      set('outbox_inflight_messages', own, inFlight)
      set('outbox_relay_paused', own, Number(paused))
      if (publishedAt !== null) set('outbox_last_publish_timestamp_seconds', own, publishedAt / 1000)
    },
    cleaned(table, rows) {
      add('outbox_cleanup_deleted_rows_total', { outbox, table }, rows)
      set('outbox_cleanup_last_success_timestamp_seconds', own, now() / 1000)
    },
  }
}

function polledMoment({ observer }: Instruments, outbox: string): Pick<RelayMoments, 'polled'> {
  return {
    polled(outcome, records, durationMs) {
      observer('outbox_poll_duration_seconds', { outbox, outcome }).observe(durationMs / 1000)
      if (records > 0) observer('outbox_poll_batch_messages', { outbox }).observe(records)
    },
  }
}

function declareRelay({ declare }: Instruments, outbox: string): void {
  for (const name of OF_RELAYS) declare(name, { outbox })
  for (const lane of LANES) declare('outbox_lease_held', { outbox, lane })
}
