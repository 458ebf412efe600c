/** Door `waybill/testing`: runs handlers and shows what was written, with no servers. */
export { memoryBroker, memoryDatabase, memoryTransport } from '../adapters/memory/index.ts'
export type {
  MemoryBroker,
  MemoryDatabase,
  MemoryTransaction,
  MemoryTransport,
} from '../adapters/memory/index.ts'
export { testConsumer } from './test-consumer.ts'
export type { TestConsumer, TestConsumerOptions, TestDelivery } from './test-consumer.ts'
export { writtenMessages } from './written-messages.ts'
export type { MessageWritten, RecordsInMemory } from './written-messages.ts'
