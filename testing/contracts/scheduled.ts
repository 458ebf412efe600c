import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { systemClock, type ScheduledRecord } from '../../src/ports.ts'
import { eventually } from './eventually.ts'
import { record, type DatabaseSubject } from './database-subject.ts'
import { createMover, MANY } from './mover.ts'
import { createReader } from './relay-store-reader.ts'

const HOUR_MS = 3_600_000

/** What every place to write messages for later must do. `current` gives the subject, which is cleared before each test. */
export function scheduledContract<Tx>(name: string, current: () => DatabaseSubject<Tx>): void {
  const schedule = (...records: readonly ScheduledRecord[]): Promise<void> => {
    const { database } = current()
    return database.transaction((tx) => database.outbox.schedule(tx, records))
  }
  const cancel = (messageId: string): Promise<boolean> => {
    const { database } = current()
    return database.transaction((tx) => database.outbox.cancel(tx, messageId))
  }
  const left = async (): Promise<number> => (await current().database.relay.scheduled()).records

  describe(`scheduled messages of ${name}`, () => {
    test('stay out of the outbox until they are due, and then stand there as they were given, in order of their time', async () => {
      const { database } = current()
      const odd = 'Ω "quoted" \\ 🚚'
      const second = later(-1000, { key: odd, type: odd, headers: JSON.stringify({ [odd]: odd }) })
      const first = later(-2000, { payload: Buffer.from([0, 255, 92]) })
      const third = later(-1000, { key: null, version: 7 })
      const far = later(HOUR_MS)
      await schedule(second, far, first)
      await schedule(third)
      expect(await current().records()).toEqual([])
      const { nextInMs, ...counted } = await database.relay.scheduled()
      expect(counted).toEqual({ records: 4, isExact: true })
      expect(nextInMs).toBeLessThan(0)
      await using mover = await createMover(database.relay)
      expect((await mover.move()).moved).toBe(3)
      const expected = [first, second, third].map(({ deliverAt: _, ...given }) => given)
      expect(await current().records()).toEqual(expected)
      const then = await mover.move()
      expect(then.moved).toBe(0)
      expect(Math.abs((then.nextInMs ?? 0) - HOUR_MS)).toBeLessThan(60_000)
    })

    test('are moved as soon as they are due, and not before', async () => {
      const { database } = current()
      await using mover = await createMover(database.relay)
      const [soon, far] = [later(200), later(HOUR_MS)]
      await schedule(far, soon)
      await eventually(async () => (await mover.move()).moved === 1)
      expect(systemClock.now()).toBeGreaterThanOrEqual(soon.deliverAt)
      expect(await current().records()).toMatchObject([{ messageId: soon.messageId }])
      expect((await mover.move()).moved).toBe(0)
    })

    test('are nowhere when the transaction rolls back', async () => {
      const open = await current().begin()
      await current().database.outbox.schedule(open.tx, [later(HOUR_MS)])
      expect(await left()).toBe(0)
      await open.rollback()
      expect(await left()).toBe(0)
    })

    test('can be taken back until they are moved, each once, and by nobody whose transaction rolls back', async () => {
      const { database } = current()
      const [kept, taken] = [later(-1), later(HOUR_MS)]
      await schedule(kept, taken)
      const open = await current().begin()
      expect(await database.outbox.cancel(open.tx, taken.messageId)).toBe(true)
      await open.rollback()
      expect(await left()).toBe(2)
      expect(await cancel(taken.messageId)).toBe(true)
      expect(await cancel(taken.messageId)).toBe(false)
      expect(await cancel(randomUUID())).toBe(false)
      expect(await left()).toBe(1)
      await using mover = await createMover(database.relay)
      await mover.move()
      expect(await cancel(kept.messageId)).toBe(false)
      expect(await current().records()).toHaveLength(1)
    })

    test('can be taken back by the transaction that has written them', async () => {
      const { database } = current()
      const given = later(HOUR_MS)
      await database.transaction(async (tx) => {
        await database.outbox.schedule(tx, [given])
        expect(await database.outbox.cancel(tx, given.messageId)).toBe(true)
      })
      expect(await left()).toBe(0)
    })

    test('are refused, and kept, when what is given is no transaction', async () => {
      const { database, impostors } = current()
      const given = later(HOUR_MS)
      await schedule(given)
      for (const [what, impostor] of Object.entries(impostors())) {
        const refused = { code: 'WAYBILL_NOT_A_TRANSACTION' }
        await expect(database.outbox.schedule(impostor as Tx, [later(1)]), what).rejects.toMatchObject(
          refused,
        )
        await expect(database.outbox.cancel(impostor as Tx, given.messageId), what).rejects.toMatchObject(
          refused,
        )
      }
      expect(await left()).toBe(1)
    })

    test('are moved by the owner of the first lane alone, and no more at a time than asked for', async () => {
      const { relay } = current().database
      await schedule(...[5, 4, 3, 2, 1].map((ago) => later(-ago)))
      await using mover = await createMover(relay)
      expect(
        (await relay.moveScheduled({ ...mover.claim, ...MANY, epoch: mover.claim.epoch - 1 })).moved,
      ).toBe(0)
      expect((await relay.moveScheduled({ ...mover.claim, ...MANY, relayId: randomUUID() })).moved).toBe(0)
      expect(await current().records()).toEqual([])
      expect((await relay.moveScheduled({ ...mover.claim, ...MANY, maxRecords: 2 })).moved).toBe(2)
      await relay.releaseLanes(mover.claim.relayId, [{ lane: 0, epoch: mover.claim.epoch }])
      expect((await mover.move()).moved).toBe(0)
      expect(await left()).toBe(3)
    })

    test('are moved by bytes, but one at least, the first of them first', async () => {
      const { relay } = current().database
      const payload = Buffer.alloc(1000)
      const all = [5000, 4000, 3000, 2000, 1000].map((ago) => later(-ago, { payload }))
      await schedule(...[...all].reverse())
      await using mover = await createMover(relay)
      const move = async (maxBytes: number): Promise<number> =>
        (await relay.moveScheduled({ ...mover.claim, ...MANY, maxBytes })).moved
      expect([await move(2500), await move(1), await move(2500)]).toEqual([2, 1, 2])
      expect((await current().records()).map(({ messageId }) => messageId)).toEqual(
        all.map(({ messageId }) => messageId),
      )
    })

    test('count as made when they were due, or when they were written if that was later', async () => {
      const { relay } = current().database
      const [past, soon] = [later(-HOUR_MS), later(1000)]
      const before = systemClock.now()
      await schedule(past, soon)
      await using mover = await createMover(relay)
      await eventually(async () => {
        await mover.move()
        return (await left()) === 0
      })
      await relay.unregister(mover.claim.relayId)
      const records = await (await createReader(relay)).everything()
      const madeAt = new Map(records.map(({ messageId, createdAt }) => [messageId, createdAt]))
      expect(Math.abs((madeAt.get(past.messageId) ?? 0) - before)).toBeLessThan(60_000)
      expect(madeAt.get(soon.messageId)).toBe(soon.deliverAt)
    })
  })
}

function later(inMs: number, fields: Partial<ScheduledRecord> = {}): ScheduledRecord {
  return { ...record(), deliverAt: systemClock.now() + inMs, ...fields }
}
