import { describe, expect, test } from 'vitest'
import { systemClock, type NewRecord } from '../../src/ports.ts'
import { record, type DatabaseContract, type DatabaseSubject, type StoredRecord } from './database-subject.ts'
import { createMover } from './mover.ts'

const HOUR_MS = 3_600_000

/** What becomes of records that are to be noted in the history too. `current` gives the subject, cleared before each test. */
export function historyContract<Tx>(
  contract: DatabaseContract<Tx>,
  current: () => DatabaseSubject<Tx>,
): void {
  const append = (records: readonly NewRecord[], options = {}): Promise<void> => {
    const { database } = current()
    return database.transaction((tx) => database.outbox.append(tx, records, { history: true, ...options }))
  }
  const noted = async (): Promise<readonly StoredRecord[]> => sorted((await current().history?.()) ?? [])

  describe(`history of ${contract.name}`, () => {
    test('that nothing is kept of changes nothing for the outbox', async () => {
      const given = [record(), record()]
      await append(given)
      expect(await current().records()).toEqual(given)
    })
    if (contract.cannot?.history !== undefined) return

    const odd = 'Ω "quoted" \\ 🚚'
    const some = (): NewRecord[] => [
      record({ key: null, version: 7, payload: Buffer.from([0, 255, 92]) }),
      record({ key: odd, type: odd, source: odd, headers: JSON.stringify({ [odd]: odd }) }),
      record(),
    ]
    for (const lockKeys of [false, true]) {
      test(`has what was written exactly as it was given, alone and among others${lockKeys ? ', with its key locked' : ''}`, async () => {
        const given = [...some(), ...some()]
        for (const one of given.slice(0, 3)) await append([one], { lockKeys })
        await append(given.slice(3), { lockKeys })
        expect(await noted()).toEqual(sorted(given))
        expect(await current().records()).toEqual(given)
      })
    }

    test('has nothing of those who do not want one', async () => {
      await append([record()], { history: false })
      await append([record(), record()], { history: false })
      expect(await noted()).toEqual([])
    })

    test('has nothing of what was rolled back', async () => {
      const { database } = current()
      const open = await current().begin()
      await database.outbox.append(open.tx, [record()], { history: true })
      await database.outbox.append(open.tx, [record(), record()], { history: true })
      expect(await noted()).toEqual([])
      await open.rollback()
      expect(await noted()).toEqual([])
      const outside = record()
      await database.transaction(async (tx) => {
        await database.outbox.append(tx, [outside], { history: true })
        const failing = current().nested(tx, async (inner) => {
          await database.outbox.append(inner, [record()], { history: true })
          throw new Error('changed my mind')
        })
        await expect(failing).rejects.toThrow('changed my mind')
      })
      expect(await noted()).toEqual([outside])
    })

    test('has what was scheduled once it comes into the outbox, and never what was taken back', async () => {
      const { database } = current()
      const at = systemClock.now()
      const [due, taken, unwanted] = [record(), record(), record()]
      await database.transaction(async (tx) => {
        const later = [due, taken].map((one) => ({ ...one, deliverAt: at - 1000 }))
        await database.outbox.schedule(tx, later, { history: true })
        await database.outbox.schedule(tx, [{ ...unwanted, deliverAt: at - HOUR_MS }])
      })
      await database.transaction((tx) => database.outbox.cancel(tx, taken.messageId))
      expect(await noted()).toEqual([])
      await using mover = await createMover(database.relay)
      expect((await mover.move()).moved).toBe(2)
      expect(await noted()).toEqual([due])
      expect(await current().records()).toEqual([unwanted, due])
    })
  })
}

/** What a statement of the user notes, alone and behind one of their own. */
export function historyStatementContract<Tx>(current: () => DatabaseSubject<Tx>): void {
  const run = async (
    given: readonly NewRecord[],
    business?: { readonly text: string; readonly values: readonly unknown[] },
  ): Promise<void> => {
    const { sql, database } = current()
    const open = await current().begin()
    await sql?.run(open.tx, database.outbox.statement(given, business, { history: true }))
    await open.commit()
  }
  const noted = async (): Promise<readonly StoredRecord[]> => sorted((await current().history?.()) ?? [])

  for (const count of [1, 3]) {
    test(`the insert of ${String(count)} notes them in the history, alone and behind a business statement that returns a row`, async () => {
      const { sql } = current()
      await sql?.createCounter('h')
      const given = Array.from({ length: 2 * count }, () => record({ key: '? $1 ключ' }))
      await run(given.slice(0, count))
      await run(given.slice(count), sql?.bump('h'))
      await run([record(), record()].slice(2 - count), sql?.bump('nobody'))
      expect(await noted()).toEqual(sorted(given))
      expect(await current().records()).toEqual(given)
    })
  }
}

function sorted(records: readonly StoredRecord[]): readonly StoredRecord[] {
  return records.toSorted((one, other) => (one.messageId < other.messageId ? -1 : 1))
}
