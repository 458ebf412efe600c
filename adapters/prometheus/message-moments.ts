import type { MetricName, RelayMoments, WriterMoments } from '../../src/ports.ts'
import { bounded } from './bounded.ts'
import { exemplarOf } from './exemplar.ts'
import type { Observer } from './histogram.ts'
import type { Instruments, Tally } from './instruments.ts'

/** What is counted for each exchange. */
interface ExchangeCounts {
  readonly labels: { readonly outbox: string; readonly exchange: string }
  readonly published: Tally
  readonly latency: Observer
  readonly confirm: Observer
}

const MOST_EXCHANGES = 50
const PER_EXCHANGE: readonly MetricName[] = [
  ...(['outbox_published_messages_total', 'outbox_publish_retries_total'] as const),
  ...(['outbox_publish_failures_total', 'outbox_gates_closed_total'] as const),
  ...(['outbox_parked_messages_total', 'outbox_dead_lettered_messages_total'] as const),
]

type Moments = 'published' | 'notPublished' | 'repeated' | 'parked' | 'gate'

/** What becomes of messages, from their writing to their confirm. */
export function messageMoments(
  instruments: Instruments,
  outbox: string,
): WriterMoments & Pick<RelayMoments, Moments> {
  const { add, declare } = instruments
  const exchangeLabel = bounded(MOST_EXCHANGES)
  const exchanges = new Map<string, ExchangeCounts>()
  const countsOf = (exchange: string): ExchangeCounts => {
    const label = exchangeLabel(exchange)
    const known = exchanges.get(label)
    if (known !== undefined) return known
    const counts = countsFor(instruments, { outbox, exchange: label })
    exchanges.set(label, counts)
    return counts
  }
  return {
    outbox(named) {
      for (const exchange of named) {
        declare('outbox_enqueued_messages_total', { outbox, exchange: exchangeLabel(exchange) })
      }
    },
    written(exchange) {
      add('outbox_enqueued_messages_total', { outbox, exchange: exchangeLabel(exchange) })
    },
    published({ exchange, headers }, ageMs, confirmMs) {
      const { published, latency, confirm } = countsOf(exchange)
      published.count += 1
      const exemplar = exemplarOf(headers)
      latency.observe(Math.max(ageMs, 0) / 1000, exemplar)
      confirm.observe(confirmMs / 1000, exemplar)
    },
    notPublished({ exchange }, { kind: reason }) {
      add('outbox_publish_failures_total', { ...countsOf(exchange).labels, reason })
    },
    repeated: ({ exchange }) => add('outbox_publish_retries_total', countsOf(exchange).labels),
    parked({ exchange }, reason, state) {
      const labels = { ...countsOf(exchange).labels, reason }
      add('outbox_parked_messages_total', labels)
      if (state === 'dead') add('outbox_dead_lettered_messages_total', labels)
    },
    gate(exchange, state) {
      if (state === 'closed') add('outbox_gates_closed_total', countsOf(exchange).labels)
    },
  }
}

function countsFor(instruments: Instruments, labels: ExchangeCounts['labels']): ExchangeCounts {
  for (const name of PER_EXCHANGE) instruments.declare(name, labels)
  return {
    labels,
    published: instruments.tally('outbox_published_messages_total', labels),
    latency: instruments.observer('outbox_delivery_latency_seconds', labels),
    confirm: instruments.observer('outbox_publish_confirm_duration_seconds', labels),
  }
}
