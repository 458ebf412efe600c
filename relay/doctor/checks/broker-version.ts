import { error, ok, unchecked, type Check } from '../check.ts'
import type { TopologyFacts } from '../facts.ts'

const OLDEST = [3, 10] as const

export const brokerVersion: Check<TopologyFacts> = {
  code: 'BROKER_VERSION',
  wanted: 'RabbitMQ 3.10 or newer.',
  remedy: 'Upgrade the broker: older quorum queues cannot keep dead letters safely.',
  worst: 'error',
  look: ({ broker }) => {
    const seen = `The broker is ${broker.product} ${broker.version}.`
    const [major = 0, minor = 0] = broker.version.split('.').map(Number)
    if (broker.product !== 'RabbitMQ' || Number.isNaN(major)) return unchecked(seen)
    const isNew = major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])
    return isNew ? ok(seen) : error(seen)
  },
}
