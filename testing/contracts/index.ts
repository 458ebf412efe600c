/**
 * Door `waybill/contracts`: what every adapter must do, as suites for vitest. The built-in adapters are held by the same.
 */
export { databaseContract } from './database.ts'
export type {
  DatabaseContract,
  DatabaseSubject,
  OpenTransaction,
  Shortfalls,
  SqlSubject,
  StoredRecord,
} from './database-subject.ts'
export { failureStoreContract } from './failure-store.ts'
export { inboxStoreContract } from './inbox-store.ts'
export { outboxStatementContract } from './outbox-statement.ts'
export { outboxStoreContract } from './outbox-store.ts'
export { partitionStoreContract } from './partition-store.ts'
export type { PartitionStoreSubject } from './partition-store.ts'
export { relayStoreContract } from './relay-store.ts'
export type { RelayStoreSubject } from './relay-store-reader.ts'
export { transportContract } from './transport.ts'
export type { TransportContract, TransportSubject } from './transport-subject.ts'
