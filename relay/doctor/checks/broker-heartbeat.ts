import { error, ok, type Check } from '../check.ts'
import type { TopologyFacts } from '../facts.ts'

export const brokerHeartbeat: Check<TopologyFacts> = {
  code: 'BROKER_HEARTBEAT',
  wanted: 'A heartbeat as agreed on by WAYBILL_AMQP_HEARTBEAT_MS, or a shorter one.',
  remedy:
    'Take `heartbeat` out of WAYBILL_AMQP_URL: the broker must drop a frozen relay before another one takes its lanes.',
  worst: 'error',
  look: ({ broker }) => {
    const { heartbeatMs, wantedHeartbeatMs } = broker
    const seen = `Agreed on: ${heartbeatMs} ms; wanted: ${wantedHeartbeatMs} ms.`
    return heartbeatMs > 0 && heartbeatMs <= wantedHeartbeatMs ? ok(seen) : error(seen)
  },
}
