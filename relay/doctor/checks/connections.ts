import { ok, warning, type Check } from '../check.ts'
import type { SetupFacts } from '../facts.ts'

export const connections: Check<SetupFacts> = {
  code: 'DATABASE_CONNECTIONS',
  wanted: 'Room for WAYBILL_DATABASE_POOL_SIZE connections for each relay and outbox.',
  remedy: 'Raise max_connections, lower the pools of the services, or put a pooler in between.',
  worst: 'warning',
  look: ({ server, poolSize }) => {
    const { connectionLimit, connectionsInUse } = server
    const seen = `${connectionsInUse} of ${connectionLimit} connections are in use; a relay opens up to ${poolSize}.`
    return connectionLimit - connectionsInUse >= poolSize ? ok(seen) : warning(seen)
  },
}
