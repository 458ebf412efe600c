import type { DatabaseFacts } from '../../compose.ts'
import type { Check } from '../check.ts'
import type { ManagedFacts, SetupFacts, TrafficFacts } from '../facts.ts'
import { autovacuum } from './autovacuum.ts'
import { blockedKeys } from './blocked-keys.ts'
import { brokerHeartbeat } from './broker-heartbeat.ts'
import { brokerVersion } from './broker-version.ts'
import { clockDifference } from './clock-difference.ts'
import { connections } from './connections.ts'
import { deadLetters } from './dead-letters.ts'
import { durability } from './durability.ts'
import { encoding } from './encoding.ts'
import { exchanges } from './exchanges.ts'
import { loggedTables } from './logged-tables.ts'
import { longTransactions } from './long-transactions.ts'
import { migrations } from './migrations.ts'
import { orphanedFailures } from './orphaned-failures.ts'
import { orphanedQueues } from './orphaned-queues.ts'
import { outboxAge } from './outbox-age.ts'
import { outboxIndexes } from './outbox-indexes.ts'
import { outboxSequence } from './outbox-sequence.ts'
import { parkedRecords } from './parked-records.ts'
import { permissions } from './permissions.ts'
import { preparedTransactions } from './prepared-transactions.ts'
import { queuePolicies } from './queue-policies.ts'
import { queueReaders } from './queue-readers.ts'
import { queues } from './queues.ts'
import { relays } from './relays.ts'
import { replicationSlots } from './replication-slots.ts'
import { rights } from './rights.ts'
import { rowSecurity } from './row-security.ts'
import { schemaVersion } from './schema-version.ts'
import { serverVersion } from './server-version.ts'
import { statementTimeout } from './statement-timeout.ts'
import { writable } from './writable.ts'

/** What a relay looks at before it starts: with an error here a promise could not be kept. */
export const UNSAFE: readonly Check<DatabaseFacts>[] = [
  serverVersion,
  encoding,
  rights,
  loggedTables,
  rowSecurity,
  outboxSequence,
]

export const SETUP: readonly Check<SetupFacts>[] = [
  ...UNSAFE,
  writable,
  durability,
  clockDifference,
  connections,
  statementTimeout,
  schemaVersion,
  migrations,
  outboxIndexes,
  autovacuum,
]

export const TRAFFIC: readonly Check<TrafficFacts>[] = [
  longTransactions,
  preparedTransactions,
  replicationSlots,
  outboxAge,
  parkedRecords,
  orphanedFailures,
  blockedKeys,
  relays,
]

export const BROKER: readonly Check<ManagedFacts>[] = [
  brokerVersion,
  brokerHeartbeat,
  exchanges,
  queues,
  queueReaders,
  deadLetters,
  permissions,
  queuePolicies,
  orphanedQueues,
]

/** Findings about what is looked into: it answers, or all else is left out. */
export const DATABASE_REACHABLE = {
  code: 'DATABASE_REACHABLE',
  wanted: 'A database that answers.',
  remedy: 'Check that it runs and that WAYBILL_DATABASE_URL names it.',
  worst: 'error',
} as const

export const BROKER_REACHABLE = {
  code: 'BROKER_REACHABLE',
  wanted: 'A broker that lets this user in.',
  remedy:
    'Check that it runs and that WAYBILL_AMQP_URL names it, its virtual host and a user with a right to it.',
  worst: 'error',
} as const
