import { describe } from 'vitest'
import { memoryDatabase } from '../../adapters/memory/index.ts'
import { begin } from './memory-subject.ts'
import type { RelayStoreSubject } from '../../testing/contracts/relay-store-reader.ts'
import { relayStoreContract } from '../../testing/contracts/relay-store.ts'

describe('memory', () => {
  relayStoreContract(createSubject)
})

function createSubject(): Promise<RelayStoreSubject> {
  const database = memoryDatabase()
  return Promise.resolve({
    store: database.relay,
    write: (records) => database.transaction((tx) => database.outbox.append(tx, records)),
    async begin() {
      const { tx, commit, rollback } = await begin(database)
      return { write: (records) => database.outbox.append(tx, records), commit, rollback }
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  })
}
