import { describe } from 'vitest'
import { memoryDatabase } from '../../adapters/memory/index.ts'
import { pgDatabase } from '../../adapters/pg/index.ts'
import { partitionStoreContract } from '../../testing/contracts/partition-store.ts'
import { createPostgresSubject, SCHEMA } from './postgres-subject.ts'

describe('memory', () => {
  partitionStoreContract(() =>
    Promise.resolve({
      store: memoryDatabase().partitions,
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
  )
})

describe('PostgreSQL', () => {
  partitionStoreContract(async () => {
    const subject = await createPostgresSubject()
    const { partitions: store } = pgDatabase(subject.test.pool, { schema: SCHEMA })
    return { store, [Symbol.asyncDispose]: () => subject[Symbol.asyncDispose]() }
  })
})
