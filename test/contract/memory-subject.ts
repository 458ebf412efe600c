import { memoryDatabase, type MemoryDatabase, type MemoryTransaction } from '../../adapters/memory/index.ts'
import { systemClock, type Clock, type NewRecord, type OutboxRecord } from '../../src/ports.ts'
import type {
  DatabaseContract,
  DatabaseSubject,
  OpenTransaction,
} from '../../testing/contracts/database-subject.ts'

/** A fresh database for each clearing, behind one face. */
export const memoryContract: DatabaseContract<MemoryTransaction> = {
  name: 'memory',
  cannot: {
    statement: 'It speaks no SQL.',
    nested: 'It has no savepoints.',
    history: 'It keeps none.',
  },
  create(): Promise<DatabaseSubject<MemoryTransaction>> {
    const time = { aheadMs: 0 }
    const clock: Clock = { ...systemClock, now: () => systemClock.now() + time.aheadMs }
    const make = (): MemoryDatabase => memoryDatabase({ clock, lockTimeoutMs: 300 })
    let database = make()
    return Promise.resolve({
      get database() {
        return database
      },
      begin: () => begin(database),
      clear() {
        database = make()
        return Promise.resolve()
      },
      records: () => Promise.resolve(database.records().map(asGiven)),
      impostors: () => ({
        null: null,
        undefined,
        text: 'begin',
        'an empty object': {},
        'the database': database,
      }),
      spoil: (tx) => tx.put('spoilt', 'a', { uncloneable: () => undefined }).catch(() => undefined),
      nested: () => Promise.reject(new Error('It has no savepoints.')),
      seesForeignCommits: true,
      age(ms) {
        time.aheadMs += ms
        return Promise.resolve()
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    })
  },
}

/** A transaction that ends when the test says so. */
export async function begin(database: MemoryDatabase): Promise<OpenTransaction<MemoryTransaction>> {
  let end = (_commit: boolean): void => undefined
  const ended = new Promise<boolean>((resolve) => {
    end = resolve
  })
  let whole: Promise<void> = Promise.resolve()
  const tx = await new Promise<[MemoryTransaction]>((resolve) => {
    whole = database.transaction(async (given) => {
      resolve([given])
      if (!(await ended)) throw new RolledBack()
    })
  })
  const endWith = async (commit: boolean): Promise<void> => {
    end(commit)
    await whole.catch((error: unknown) => {
      if (!(error instanceof RolledBack)) throw error
    })
  }
  return { tx: tx[0], commit: () => endWith(true), rollback: () => endWith(false) }
}

class RolledBack extends Error {}

function asGiven({ position: _position, createdAt: _createdAt, ...record }: OutboxRecord): NewRecord {
  return record
}
