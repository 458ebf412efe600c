import type { Attributes, Meter } from '@opentelemetry/api'
import { ATTRIBUTES, type Telemetry } from '../../src/ports.ts'

/** Advised by the conventions, in seconds. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]

/** What the messaging conventions of OpenTelemetry count. */
export function messagingMetrics(meter: Meter): Pick<Telemetry, 'published' | 'notPublished' | 'handled'> {
  const duration = { unit: 's', advice: { explicitBucketBoundaries: BUCKETS } }
  const sent = meter.createCounter('messaging.client.sent.messages', {
    unit: '{message}',
    description: 'Messages that the broker was handed, whether it took them or not.',
  })
  const consumed = meter.createCounter('messaging.client.consumed.messages', {
    unit: '{message}',
    description: 'Deliveries that were answered.',
  })
  const operation = meter.createHistogram('messaging.client.operation.duration', {
    ...duration,
    description: 'From handing a message over to its confirm.',
  })
  const process = meter.createHistogram('messaging.process.duration', {
    ...duration,
    description: 'How long the handling of a message took.',
  })
  return {
    published({ exchange }, _ageMs, confirmMs) {
      const attributes = describe('publish', exchange)
      sent.add(1, attributes)
      operation.record(confirmMs / 1000, attributes)
    },
    notPublished({ exchange }, { kind }) {
      sent.add(1, { ...describe('publish', exchange), [ATTRIBUTES.errorType]: kind })
    },
    handled(consumer, _type, { outcome, durationMs }) {
      const attributes = { ...describe('process', consumer), [ATTRIBUTES.consumerGroup]: consumer }
      consumed.add(1, attributes)
      if (outcome === 'handled') process.record(durationMs / 1000, attributes)
      if (outcome === 'failed') {
        process.record(durationMs / 1000, { ...attributes, [ATTRIBUTES.errorType]: outcome })
      }
    },
  }
}

/** @param destination of low cardinality: an exchange or a consumer, no routing key. */
function describe(operation: 'publish' | 'process', destination: string): Attributes {
  return {
    [ATTRIBUTES.system]: 'rabbitmq',
    [ATTRIBUTES.operationName]: operation,
    [ATTRIBUTES.destination]: destination,
  }
}
