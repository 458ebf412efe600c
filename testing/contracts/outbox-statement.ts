import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { historyStatementContract } from './history.ts'
import { isPending, record, type DatabaseContract, type DatabaseSubject } from './database-subject.ts'

/** What the insert as a statement must do, alone and behind a statement of the user. */
export function outboxStatementContract<Tx>(contract: DatabaseContract<Tx>): void {
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

  describe(`outbox statement of ${contract.name}`, () => {
    const reason = contract.cannot?.statement
    if (reason !== undefined) {
      test(`refuses to make a statement: ${reason}`, () => {
        const make = (): unknown => subject.database.outbox.statement([record()])
        expect(make).toThrow(expect.objectContaining({ code: 'WAYBILL_UNSUPPORTED' }) as Error)
      })
      return
    }

    historyStatementContract(() => subject)

    const sql = (): NonNullable<typeof subject.sql> => {
      if (subject.sql === undefined) throw new Error('The subject speaks no SQL and gives no reason.')
      return subject.sql
    }

    for (const count of [1, 3]) {
      test(`the insert of ${String(count)} can be run by the user as a statement`, async () => {
        const given = Array.from({ length: count }, () => record({ payload: Buffer.from([0, 255, 92, 63]) }))
        const open = await subject.begin()
        await sql().run(open.tx, subject.database.outbox.statement(given))
        await open.commit()
        expect(await subject.records()).toEqual(given)
      })

      test(`${String(count)} folded behind a business statement return its rows and are kept with it`, async () => {
        await sql().createCounter('c')
        const given = Array.from({ length: count }, () => record({ key: '? $1 ключ', routingKey: '?' }))
        const open = await subject.begin()
        const rows = await sql().run(open.tx, subject.database.outbox.statement(given, sql().bump('c')))
        await open.commit()
        expect(rows).toEqual([{ name: 'c', value: 1 }])
        expect(await subject.records()).toEqual(given)
      })
    }

    test('nothing is written when the business statement touches no row', async () => {
      const open = await subject.begin()
      const rows = await sql().run(
        open.tx,
        subject.database.outbox.statement([record()], sql().bump('nobody')),
      )
      await open.commit()
      expect(rows).toEqual([])
      expect(await subject.records()).toEqual([])
    })

    test('a business statement may end in a semicolon or a comment', async () => {
      await sql().createCounter('c')
      const { text, values } = sql().bump('c')
      for (const ending of [';', ' ; \n', ' -- and that was it']) {
        const open = await subject.begin()
        const statement = subject.database.outbox.statement([record()], { text: text + ending, values })
        await sql().run(open.tx, statement)
        await open.commit()
      }
      expect(await sql().counter('c')).toBe(3)
      expect(await subject.records()).toHaveLength(3)
    })

    test('records folded behind a contended row take positions in the order in which their writers commit', async () => {
      await sql().createCounter('c')
      const run = async (tx: Tx, type: string): Promise<unknown> => {
        const records = [record({ key: 'c', type }), record({ key: 'c', type: `${type}, second` })]
        return sql().run(tx, subject.database.outbox.statement(records, sql().bump('c')))
      }
      const [holder, waiter] = [await subject.begin(), await subject.begin()]
      await sql().run(holder.tx, sql().bump('c'))
      const waiting = run(waiter.tx, 'waiter')
      expect(await isPending(waiting)).toBe(true)
      await run(holder.tx, 'holder')
      await holder.commit()
      await waiting
      await waiter.commit()
      const order = (await subject.records()).map(({ type }) => type)
      expect(order).toEqual(['holder', 'holder, second', 'waiter', 'waiter, second'])
    })

    test('records wait for every row of the business statement, not only for its first', async () => {
      for (const name of ['free', 'contended']) await sql().createCounter(name)
      const { outbox } = subject.database
      const [holder, waiter] = [await subject.begin(), await subject.begin()]
      await sql().run(holder.tx, sql().bump('contended'))
      const waiting = sql().run(waiter.tx, outbox.statement([record({ type: 'waiter' })], sql().bumpAll()))
      expect(await isPending(waiting)).toBe(true)
      await outbox.append(holder.tx, [record({ type: 'holder' })])
      await holder.commit()
      expect(await waiting).toEqual([
        { name: 'free', value: 1 },
        { name: 'contended', value: 2 },
      ])
      await waiter.commit()
      expect((await subject.records()).map(({ type }) => type)).toEqual(['holder', 'waiter'])
    })

    test('many writers of one counter leave records in the order of its values', async () => {
      await sql().createCounter('c')
      const { database } = subject
      const write = async (): Promise<void> => {
        await database.transaction(async (tx) => {
          const written = record({ key: 'c' })
          const rows = await sql().run(tx, database.outbox.statement([written], sql().bump('c')))
          values.set(written.messageId, Number(rows[0]?.['value']))
        })
      }
      const values = new Map<string, number>()
      await Promise.all(Array.from({ length: 40 }, write))
      const order = (await subject.records()).map(({ messageId }) => values.get(messageId))
      expect(order).toEqual(Array.from({ length: 40 }, (_, index) => index + 1))
    })
  })
}
