/** Door for those who run a relay inside their own process. */
export type { RelayOptions } from './options.ts'
export { createRelay } from './relay.ts'
export type { Relay, RelayParts } from './relay.ts'
export type { GateStatus, RelayState, RelayStatus } from './status.ts'
export type { RelayDatabase } from './works.ts'
