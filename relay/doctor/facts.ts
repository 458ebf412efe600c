import type { Backlog, ConsumerView, LaneStatus } from '../../src/ports.ts'
import type { ActivityFacts, BrokerFacts, ContentFacts, DatabaseFacts, ManagementFacts } from '../compose.ts'

/** What came of asking; a failure is a sentence. */
export type Asked<Value> =
  | { readonly kind: 'answer'; readonly value: Value }
  | { readonly kind: 'failed'; readonly reason: string }
  /** The role may not ask. */
  | { readonly kind: 'forbidden'; readonly reason: string }

/** How a database is set up. */
export interface SetupFacts extends DatabaseFacts {
  readonly poolSize: number
  /** The version of the schema, or why a relay refuses it. */
  readonly schema: Asked<number>
  readonly migrations: Asked<void>
}

/** What goes on around the outbox and what is in it. */
export interface TrafficFacts extends ActivityFacts {
  /** From which age on a transaction counts as long. */
  readonly longMs: number
  readonly contents: Asked<WaitingFacts>
  readonly consumers: Asked<readonly ConsumerView[]>
}

export interface WaitingFacts {
  readonly backlog: Backlog
  readonly lanes: readonly LaneStatus[]
  readonly blockedKeys: number
}

/** The broker as AMQP shows it, with what the databases say of it. */
export interface TopologyFacts {
  readonly broker: BrokerFacts
  readonly topology: 'declare' | 'verify'
  readonly names: ContentFacts
}

/** The same with what only the management API tells; null when it was not asked. */
export interface ManagedFacts extends TopologyFacts {
  readonly management: Asked<ManagementFacts> | null
}
