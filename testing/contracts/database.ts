import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { record, type DatabaseContract, type DatabaseSubject } from './database-subject.ts'

/** What every database must do with transactions, whatever the driver. */
export function databaseContract<Tx>(contract: DatabaseContract<Tx>): void {
  let subject: DatabaseSubject<Tx>
  beforeAll(async () => {
    subject = await contract.create()
  })
  beforeEach(async () => {
    await subject.clear()
  })
  afterAll(async () => {
    await subject[Symbol.asyncDispose]()
  })

  describe(`database of ${contract.name}`, () => {
    test('answers a ping', async () => {
      await subject.database.ping()
    })

    test('commits when the work resolves, and gives its result', async () => {
      const given = record()
      const result = await subject.database.transaction(async (tx) => {
        await subject.database.outbox.append(tx, [given])
        return 'done'
      })
      expect(result).toBe('done')
      expect(await subject.records()).toEqual([given])
    })

    test('rolls back when the work rejects, and rejects with the same error', async () => {
      const reason = new Error('no')
      const work = subject.database.transaction(async (tx) => {
        await subject.database.outbox.append(tx, [record()])
        throw reason
      })
      await expect(work).rejects.toBe(reason)
      expect(await subject.records()).toEqual([])
    })

    test('goes on working after many transactions that failed', async () => {
      const fail = (): Promise<unknown> => subject.database.transaction(() => Promise.reject(new Error('no')))
      const outcomes = await Promise.allSettled(Array.from({ length: 60 }, fail))
      expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true)
      await subject.database.transaction((tx) => subject.database.outbox.append(tx, [record()]))
      expect(await subject.records()).toHaveLength(1)
    })

    if (contract.cannot?.spoil === undefined) {
      test('rejects when a statement had failed, however well the work hid it', async () => {
        const work = subject.database.transaction(async (tx) => {
          await subject.database.outbox.append(tx, [record()])
          await subject.spoil(tx)
          return 'all is well'
        })
        await expect(work).rejects.toMatchObject({ code: 'WAYBILL_TRANSACTION_ABORTED' })
        expect(await subject.records()).toEqual([])
      })
    }

    commitCallbacks()
    notices()
  })

  function commitCallbacks(): void {
    test('calls back once after the commit, when others can see the records', async () => {
      const seen: Promise<number>[] = []
      const look = async (): Promise<number> => (await subject.records()).length
      await subject.database.transaction(async (tx) => {
        expect(subject.database.afterCommit(tx, () => seen.push(look()))).toBe(true)
        await subject.database.outbox.append(tx, [record()])
        expect(seen).toEqual([])
      })
      expect(await Promise.all(seen)).toEqual([1])
    })

    test('calls all that asked, in their order', async () => {
      const called: number[] = []
      await subject.database.transaction((tx) => {
        for (const number of [1, 2, 3]) subject.database.afterCommit(tx, () => called.push(number))
        return Promise.resolve()
      })
      expect(called).toEqual([1, 2, 3])
    })

    test('does not call after a rollback', async () => {
      let calls = 0
      const count = (): void => {
        calls += 1
      }
      const work = subject.database.transaction((tx) => {
        subject.database.afterCommit(tx, count)
        return Promise.reject(new Error('no'))
      })
      await expect(work).rejects.toThrow('no')
      expect(calls).toBe(0)
    })

    if (contract.cannot?.spoil === undefined) {
      test('does not call when the commit turned out to be a rollback', async () => {
        let calls = 0
        const work = subject.database.transaction(async (tx) => {
          subject.database.afterCommit(tx, () => (calls += 1))
          await subject.spoil(tx)
        })
        await expect(work).rejects.toMatchObject({ code: 'WAYBILL_TRANSACTION_ABORTED' })
        expect(calls).toBe(0)
      })
    }

    test('cannot promise a call for a transaction that is over', async () => {
      const kept = await subject.database.transaction((tx) => Promise.resolve([tx]))
      expect(subject.database.afterCommit(kept[0] as Tx, () => undefined)).toBe(false)
    })

    for (const end of ['commit', 'rollback'] as const) {
      test(`for a transaction that the service ends itself by ${end} it says whether it will call`, async () => {
        let calls = 0
        const open = await subject.begin()
        const promised = subject.database.afterCommit(open.tx, () => (calls += 1))
        expect(promised).toBe(subject.seesForeignCommits)
        await open[end]()
        expect(calls).toBe(promised && end === 'commit' ? 1 : 0)
      })
    }

    if (contract.cannot?.nested === undefined) nestedCallbacks()
  }

  function nestedCallbacks(): void {
    test('what a nested transaction asked for is called when the outermost commits', async () => {
      const called: string[] = []
      await subject.database.transaction(async (tx) => {
        await subject.nested(tx, async (middle) => {
          await subject.nested(middle, (inner) => {
            subject.database.afterCommit(inner, () => called.push('inner'))
            return Promise.resolve()
          })
          subject.database.afterCommit(middle, () => called.push('middle'))
        })
        expect(called).toEqual([])
        subject.database.afterCommit(tx, () => called.push('outer'))
      })
      expect(called).toEqual(['inner', 'middle', 'outer'])
    })
  }

  function notices(): void {
    test('tells all who listen that something was committed, until they stop listening', () => {
      const { committed } = subject.database
      const heard: string[] = []
      const stop = committed.listen(() => heard.push('a'))
      committed.listen(() => heard.push('b'))
      committed.notify()
      stop()
      committed.notify()
      expect(heard).toEqual(['a', 'b', 'b'])
    })

    test('takes errors that it has never seen for permanent', () => {
      for (const error of [new Error('no'), 'text', null, undefined, {}, 7]) {
        expect(subject.database.classify(error)).toBe('permanent')
      }
    })
  }
}
