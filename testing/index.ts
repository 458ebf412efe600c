/** Door `waybill/testing`: runs handlers and relays for a test, shows what was written, owns time; needs no servers. */
export { memoryBroker, memoryDatabase, memoryTransport } from '../adapters/memory/index.ts'
export type {
  MemoryBroker,
  MemoryDatabase,
  MemoryTransaction,
  MemoryTransport,
} from '../adapters/memory/index.ts'
export { eventually } from './eventually.ts'
export type { EventuallyOptions, Fact } from './eventually.ts'
export { failpoints } from './failpoints/failpoints.ts'
export type {
  ArmOptions,
  Failpoint,
  FailpointName,
  FailpointOptions,
  Failpoints,
  FailpointsOptions,
  Seen,
  SeenCall,
  SeenTransaction,
} from './failpoints/failpoint.ts'
export { fakeClock } from './fake-clock.ts'
export type { FakeClock } from './fake-clock.ts'
export { recordingDatabase } from './recording-database.ts'
export type { RecordingDatabase } from './recording-database.ts'
export { relayOnce } from './relay-once.ts'
export type { RelayedOnce, RelayOnceOptions, RelayOnceParts } from './relay-once.ts'
export { testConsumer } from './test-consumer.ts'
export type { TestConsumer, TestConsumerOptions, TestDelivery } from './test-consumer.ts'
export { writtenMessages } from './written-messages.ts'
export type { MessageWritten, RecordsInMemory } from './written-messages.ts'
