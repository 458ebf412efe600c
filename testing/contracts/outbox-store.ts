import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { NewRecord } from '../../src/ports.ts'
import { historyContract } from './history.ts'
import { scheduledContract } from './scheduled.ts'
import { isPending, record, type DatabaseContract, type DatabaseSubject } from './database-subject.ts'

/** What every place to write messages must do, whatever stores it. */
export function outboxStoreContract<Tx>(contract: DatabaseContract<Tx>): void {
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

  /** Appends in a transaction of its own. */
  async function append(...records: readonly NewRecord[]): Promise<void> {
    await subject.database.transaction((tx) => subject.database.outbox.append(tx, records))
  }

  describe(`outbox of ${contract.name}`, () => {
    test('keeps one record exactly as it was given', async () => {
      const given = record({ key: null, version: 7, headers: '{"a":"b"}' })
      await append(given)
      expect(await subject.records()).toEqual([given])
    })

    test('keeps several records exactly, in the order given', async () => {
      const given = Array.from({ length: 500 }, (_, index) =>
        record({ key: index % 3 === 0 ? null : `k${String(index % 5)}`, version: 1 + (index % 4) }),
      )
      await append(...given)
      expect(await subject.records()).toEqual(given)
    })

    test('appending nothing writes nothing', async () => {
      await append()
      expect(await subject.records()).toEqual([])
    })

    test('an outbox stays empty when the transaction rolls back', async () => {
      const open = await subject.begin()
      await subject.database.outbox.append(open.tx, [record(), record()])
      await open.rollback()
      expect(await subject.records()).toEqual([])
    })

    test('nobody sees a record before its transaction commits', async () => {
      const open = await subject.begin()
      await subject.database.outbox.append(open.tx, [record()])
      expect(await subject.records()).toEqual([])
      await open.commit()
      expect(await subject.records()).toHaveLength(1)
    })

    exactness()
    refusals()
    keyLocks()
    nesting()
  })
  historyContract(contract, () => subject)
  scheduledContract(contract.name, () => subject)

  function exactness(): void {
    const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
    const megabyte = Buffer.alloc(1 << 20, everyByte)
    const bodies: Readonly<Record<string, Buffer>> = {
      'every byte value': everyByte,
      'no byte at all': Buffer.alloc(0),
      'a megabyte': megabyte,
      'what looks like hex': Buffer.from('\\x00ff'),
      'backslashes and quotes': Buffer.from('\\000 \\\\ \' " $1 ? ?? \\? {a,"b",NULL}'),
    }
    for (const [name, payload] of Object.entries(bodies)) {
      test(`a payload of ${name} comes back as it went in, alone and among others`, async () => {
        const alone = record({ payload })
        const others = [record(), record({ payload }), record()]
        await append(alone)
        await append(...others)
        const stored = await subject.records()
        expect(stored.map((each) => each.payload.equals(payload))).toEqual([true, false, true, false])
      })
    }

    const texts: Readonly<Record<string, string>> = {
      unicode: 'Grüße, Ωμέγα, 你好, 🚚\u200d🧾, e\u0301, \u{10ffff}',
      'quotes and placeholders': `'; drop table x; -- "$1" ? ?? \\? :name {a,"b",NULL} \\`,
      'control characters': 'tab\tline\nreturn\r\u0001\u007f',
      'great length': 'ключ'.repeat(2_000),
      'the word NULL': 'NULL',
    }
    for (const [name, text] of Object.entries(texts)) {
      test(`texts of ${name} come back as they went in, alone and among others`, async () => {
        const fields = { key: text, type: text, source: text, exchange: text, routingKey: text }
        const odd = (): NewRecord => record({ ...fields, headers: JSON.stringify({ [text]: text }) })
        const alone = odd()
        const others = [record(), odd(), record({ key: null })]
        await append(alone)
        await append(...others)
        expect(await subject.records()).toEqual([alone, ...others])
      })
    }
  }

  function refusals(): void {
    test('refuses what is not a transaction, and writes nothing', async () => {
      for (const [name, impostor] of Object.entries(subject.impostors())) {
        for (const records of [[record()], [record(), record()]]) {
          for (const lockKeys of [false, true]) {
            const attempt = subject.database.outbox.append(impostor as Tx, records, { lockKeys })
            await expect(attempt, name).rejects.toMatchObject({ code: 'WAYBILL_NOT_A_TRANSACTION' })
          }
        }
      }
      expect(await subject.records()).toEqual([])
    })

    for (const end of ['commit', 'rollback'] as const) {
      test(`refuses a transaction after its ${end}, and writes nothing`, async () => {
        const open = await subject.begin()
        await subject.database.outbox.append(open.tx, [record()])
        await open[end]()
        const before = await subject.records()
        const attempt = subject.database.outbox.append(open.tx, [record()])
        await expect(attempt).rejects.toMatchObject({ code: 'WAYBILL_TRANSACTION_FINISHED' })
        expect(await subject.records()).toEqual(before)
      })
    }

    test('refuses the transaction of work that has returned', async () => {
      const kept = await subject.database.transaction((tx) => Promise.resolve([tx]))
      const attempt = subject.database.outbox.append(kept[0] as Tx, [record()])
      await expect(attempt).rejects.toMatchObject({ code: 'WAYBILL_TRANSACTION_FINISHED' })
      expect(await subject.records()).toEqual([])
    })

    if (contract.cannot?.spoil === undefined) {
      test('refuses a transaction in which a statement has failed, and writes nothing', async () => {
        const open = await subject.begin()
        await subject.database.outbox.append(open.tx, [record()])
        await subject.spoil(open.tx)
        const attempt = subject.database.outbox.append(open.tx, [record()])
        await expect(attempt).rejects.toMatchObject({ code: 'WAYBILL_TRANSACTION_ABORTED' })
        await open.rollback()
        expect(await subject.records()).toEqual([])
      })
    }
  }

  function keyLocks(): void {
    const lockKeys = true
    const ofKeys = (keys: readonly (string | null)[], type = 't'): NewRecord[] =>
      keys.map((key) => record({ key, type }))

    const writes = { alone: ['k'], 'among others': ['other', 'k', null, 'k'] }
    for (const [how, keys] of Object.entries(writes)) {
      test(`a writer that locks a key waits until the one before it has ended, ${how}`, async () => {
        const { outbox } = subject.database
        const [first, second] = [await subject.begin(), await subject.begin()]
        await outbox.append(first.tx, ofKeys(['k', 'another', 'k'], 'first'), { lockKeys })
        const waiting = outbox.append(second.tx, ofKeys(keys, 'second'), { lockKeys })
        expect(await isPending(waiting)).toBe(true)
        await outbox.append(first.tx, ofKeys(['k'], 'first'))
        await first.commit()
        await waiting
        await second.commit()
        const types = (await subject.records()).filter(({ key }) => key === 'k').map(({ type }) => type)
        expect(types.slice(0, 3)).toEqual(['first', 'first', 'first'])
        expect(new Set(types.slice(3))).toEqual(new Set(['second']))
      })

      test(`a writer that locks no key waits for nobody, ${how}`, async () => {
        const { outbox } = subject.database
        const [first, second] = [await subject.begin(), await subject.begin()]
        await outbox.append(first.tx, ofKeys(['k', 'other']), { lockKeys })
        await outbox.append(second.tx, ofKeys(keys))
        await first.rollback()
        await second.rollback()
      })
    }

    test('writers of other keys, or of none, do not wait', async () => {
      const { outbox } = subject.database
      const [first, second] = [await subject.begin(), await subject.begin()]
      await outbox.append(first.tx, ofKeys(['k']), { lockKeys })
      await outbox.append(first.tx, ofKeys([null]), { lockKeys })
      for (const key of ['K', 'ключ', null]) await outbox.append(second.tx, ofKeys([key]), { lockKeys })
      await outbox.append(second.tx, ofKeys(['K', 'ключ', null]), { lockKeys })
      await first.rollback()
      await second.rollback()
    })

    test('writers that name the same keys in opposite order never deadlock', async () => {
      const { outbox } = subject.database
      const keys = Array.from({ length: 40 }, (_, index) => `k${String(index)}`)
      const write = (order: readonly string[]): Promise<void> =>
        subject.database.transaction((tx) => outbox.append(tx, ofKeys(order), { lockKeys }))
      const rounds = Array.from({ length: 20 }, (_, index) =>
        write(index % 2 === 0 ? keys : keys.toReversed()),
      )
      const failures = (await Promise.allSettled(rounds)).filter(({ status }) => status === 'rejected')
      expect(
        failures.map((failure) => subject.database.classify((failure as PromiseRejectedResult).reason)),
      ).toEqual([])
    })
  }

  function nesting(): void {
    const { nested } = contract.cannot ?? {}
    if (nested !== undefined) return
    test('a nested transaction that rolls back takes its records with it', async () => {
      const { outbox } = subject.database
      const [before, inside, after] = [record(), record(), record()]
      await subject.database.transaction(async (tx) => {
        await outbox.append(tx, [before])
        const failing = subject.nested(tx, async (inner) => {
          await outbox.append(inner, [inside])
          throw new Error('changed my mind')
        })
        await expect(failing).rejects.toThrow('changed my mind')
        await outbox.append(tx, [after])
      })
      expect(await subject.records()).toEqual([before, after])
    })

    test('a nested transaction that succeeds keeps its records with the outer one', async () => {
      const { outbox } = subject.database
      const [inside, after] = [record(), record()]
      await subject.database.transaction(async (tx) => {
        await subject.nested(tx, (inner) => outbox.append(inner, [inside]))
        await outbox.append(tx, [after])
      })
      expect(await subject.records()).toEqual([inside, after])
    })

    test('writing goes on after a failed statement was undone with its nested transaction', async () => {
      const { outbox } = subject.database
      const kept = record()
      await subject.database.transaction(async (tx) => {
        const failing = subject.nested(tx, async (inner) => {
          await subject.spoil(inner)
          await outbox.append(inner, [record()])
        })
        await expect(failing).rejects.toMatchObject({ code: 'WAYBILL_TRANSACTION_ABORTED' })
        await outbox.append(tx, [kept])
      })
      expect(await subject.records()).toEqual([kept])
    })
  }
}
