import { describe } from 'vitest'
import { memoryDatabase } from '../../adapters/memory/index.ts'
import { databaseContract } from '../../testing/contracts/database.ts'
import type { DatabaseContract, DatabaseSubject } from '../../testing/contracts/database-subject.ts'
import { failureStoreContract } from '../../testing/contracts/failure-store.ts'
import { inboxStoreContract } from '../../testing/contracts/inbox-store.ts'
import { outboxStatementContract } from '../../testing/contracts/outbox-statement.ts'
import { outboxStoreContract } from '../../testing/contracts/outbox-store.ts'
import { partitionStoreContract } from '../../testing/contracts/partition-store.ts'
import { relayStoreContract } from '../../testing/contracts/relay-store.ts'
import { failpoints } from '../../testing/index.ts'
import { knexContract } from './knex-subject.ts'
import { begin, memoryContract } from './memory-subject.ts'
import { pgContract } from './pg-subject.ts'

/** The same contract, held by the database with failpoints in it of which none is armed. */
function wrapped<Tx>(contract: DatabaseContract<Tx>): DatabaseContract<Tx> {
  const faults = failpoints()
  return {
    ...contract,
    name: `${contract.name} with failpoints`,
    async create() {
      const subject = await contract.create()
      // A subject may have another database after each clearing.
      return new Proxy(subject, {
        get: (whole, name): unknown =>
          name === 'database' ? faults.database(whole.database) : Reflect.get(whole, name),
      }) satisfies DatabaseSubject<Tx>
    },
  }
}

// Transactions end otherwise in each driver; what the stores do is handed on as it is.
databaseContract(wrapped(memoryContract))
databaseContract(wrapped(pgContract))
databaseContract(wrapped(knexContract))
outboxStoreContract(wrapped(memoryContract))
outboxStatementContract(wrapped(memoryContract))
inboxStoreContract(wrapped(memoryContract))
failureStoreContract(wrapped(memoryContract))

describe('memory with failpoints', () => {
  relayStoreContract(() => {
    const database = failpoints().database(memoryDatabase())
    return Promise.resolve({
      store: database.relay,
      write: (records) => database.transaction((tx) => database.outbox.append(tx, records)),
      async begin() {
        const { tx, commit, rollback } = await begin(database)
        return { write: (records) => database.outbox.append(tx, records), commit, rollback }
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    })
  })
  partitionStoreContract(() =>
    Promise.resolve({
      store: failpoints().database(memoryDatabase()).partitions,
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
  )
})
