import { describe, expect, test } from 'vitest'
import type { FailureFate } from '../../src/ports.ts'
import { eventually } from './eventually.ts'
import { isPending, type DatabaseContract } from './database-subject.ts'
import { instanceContract } from './failure-store-instances.ts'
import { keyGateContract } from './failure-store-keys.ts'
import { failureLocksContract } from './failure-store-locks.ts'
import {
  DEAD,
  ERROR,
  LONG_MS,
  failure,
  fate,
  idsOf,
  instance,
  message,
  presence,
  useFailures,
} from './failure-subject.ts'

/** What every place must do where messages are kept that could not be handled. */
export function failureStoreContract<Tx>(contract: DatabaseContract<Tx>): void {
  keyGateContract(contract)
  instanceContract(contract)
  failureLocksContract(contract)
  const { subject, store, claim, only, handled } = useFailures(contract)

  describe(`failures of ${contract.name}: recording`, () => {
    test('makes the message known to the inbox, so that it is never handled anew', async () => {
      const given = failure(instance())
      expect(await store().record(given)).toBe('recorded')
      const verdict = await subject().database.handle([given.entry], (_tx, [one]) => Promise.resolve(one))
      expect(verdict).toBe('duplicate')
    })

    test('does nothing for a message that was handled, or is kept already', async () => {
      const [one, two] = [failure(instance()), failure(instance())]
      await subject().database.handle([one.entry], () => Promise.resolve())
      expect(await store().record(one)).toBe('known')
      await store().record(two)
      expect(await store().record(two)).toBe('known')
      expect(idsOf(await claim(one.by))).toEqual([two.entry.messageId])
    })

    test('says when the id was that of another message', async () => {
      const given = failure(instance())
      await subject().database.handle([given.entry], () => Promise.resolve())
      expect(await store().record({ ...given, entry: { ...given.entry, fingerprint: 8 } })).toBe('conflict')
      expect(await claim(given.by)).toEqual([])
    })

    test('waits for a transaction that is handling the message, and does nothing if that commits', async () => {
      const given = failure(instance())
      const open = await subject().begin()
      await subject().database.inbox.remember(open.tx, given.entry)
      const recording = store().record(given)
      expect(await isPending(recording)).toBe(true)
      await open.commit()
      expect(await recording).toBe('known')
    })

    test('keeps all that there is to know of the message', async () => {
      const given = failure(instance())
      await store().record(given)
      const { failingForMs, ...claimed } = await only(given.by)
      expect(failingForMs).toBeGreaterThanOrEqual(0)
      const { messageId } = given.entry
      const counts = { attempts: 1, crashes: 0, replays: 0, blocking: false }
      const { failureId } = claimed
      expect(claimed).toEqual({ failureId, messageId, message: given.message, ...counts, previous: null })
    })

    test('keeps what has characters that no text may have', async () => {
      const given = failure(instance())
      const odd = message({ originalId: 'a\0b', type: 'c\0', key: '\0', headers: { 'd\0': '\0' } })
      const error = { ...ERROR, message: '\0', stack: 'e\0' }
      expect(await store().record({ ...given, message: odd, fate: fate({ error }) })).toBe('recorded')
      expect((await only(given.by)).message.payload).toEqual(odd.payload)
    })
  })

  describe(`failures of ${contract.name}: claiming`, () => {
    test('gives what is due to one instance only, and never more than was asked for', async () => {
      const [one, two] = [instance(), instance()]
      const all: string[] = []
      for (let n = 0; n < 5; n += 1) {
        const given = failure(one)
        await store().record(given)
        all.push(given.entry.messageId)
      }
      for (const by of [one, two]) await store().beat(presence(by))
      const first = await claim(one, 'sound', 2)
      expect(idsOf(first)).toEqual(all.slice(0, 2))
      expect(idsOf(await claim(two))).toEqual(all.slice(2))
      expect(await claim(two, 'abandoned')).toEqual([])
    })

    test('gives two that ask at the same time nothing twice', async () => {
      const all = Array.from({ length: 6 }, instance)
      for (let n = 0; n < 12; n += 1) await store().record(failure(instance()))
      const claims = await Promise.all(all.map((by) => claim(by, 'sound', 4)))
      const ids = claims.flatMap(idsOf)
      expect(new Set(ids).size).toBe(ids.length)
    })

    test('passes over what is not due yet, is dead, or is another consumer’s', async () => {
      const by = instance()
      await store().record(failure(by, { fate: { state: { kind: 'retry', afterMs: LONG_MS } } }))
      await store().record(failure(by, { fate: { state: DEAD, reason: 'permanent' } }))
      await store().record(failure({ ...by, consumer: 'shipping' }))
      expect(await claim(by)).toEqual([])
      expect(await claim(by, 'abandoned')).toEqual([])
    })

    test('keeps suspects apart', async () => {
      const by = instance()
      const suspect = failure(by, { fate: { reason: 'suspect', error: null, triedMs: null } })
      await store().record(suspect)
      expect(await claim(by, 'sound')).toEqual([])
      expect(idsOf(await claim(by, 'suspects'))).toEqual([suspect.entry.messageId])
    })

    test('of an instance that is gone is a crash, which the next claim counts', async () => {
      const [one, two] = [instance(), instance()]
      await store().record(failure(one))
      await store().beat(presence(one, 2_000))
      expect(await only(one)).toMatchObject({ crashes: 0, attempts: 1 })
      expect(await claim(two, 'suspects')).toEqual([])
      expect(await claim(two, 'abandoned')).toEqual([])
      const found = await eventually(async () => (await claim(two, 'abandoned'))[0])
      expect(found).toMatchObject({ crashes: 1, attempts: 1 })
      expect(await claim(two, 'sound')).toEqual([])
    })

    test('of an instance that leaves in good order is none', async () => {
      const [one, two] = [instance(), instance()]
      await store().record(failure(one))
      await store().beat(presence(one))
      await only(one)
      await store().leave(one)
      expect(await only(two)).toMatchObject({ crashes: 0 })
    })

    test('ends when it was not tried after all, and it is due again after a while', async () => {
      const by = instance()
      await store().record(failure(by))
      await store().giveBack(await only(by), by, 0)
      await store().giveBack(await only(by), by, LONG_MS)
      expect(await claim(by)).toEqual([])
    })
  })

  describe(`failures of ${contract.name}: trying again`, () => {
    test('resolves what is handled, in the transaction of its effects', async () => {
      const by = instance()
      await store().record(failure(by))
      const claimed = await only(by)
      const reason = new Error('no')
      await expect(store().retry(claimed, by, () => Promise.reject(reason))).rejects.toBe(reason)
      expect(await handled(by, claimed)).toEqual({ own: true, released: false, next: null })
      expect(await handled(by, claimed)).toEqual({ own: false, released: false, next: null })
      expect(await claim(by, 'abandoned')).toEqual([])
    })

    test('is refused to an instance that has lost its claim, which then runs nothing', async () => {
      const [one, two] = [instance(), instance()]
      await store().record(failure(one))
      await store().beat(presence(two))
      const claimed = await only(one)
      expect(await only(two, 'abandoned')).toMatchObject({ crashes: 1 })
      let runs = 0
      const work = (): Promise<void> => {
        runs += 1
        return Promise.resolve()
      }
      expect(await store().retry(claimed, one, work)).toMatchObject({ own: false, released: false })
      expect(await store().fail(claimed, one, fate())).toEqual({ own: false, released: false })
      await store().giveBack(claimed, one, 0)
      expect(runs).toBe(0)
      expect(await claim(one, 'abandoned')).toEqual([])
    })

    test('by two at a time has its effect once', async () => {
      const by = instance()
      await store().record(failure(by))
      const claimed = await only(by)
      const effects: number[] = []
      const run = (n: number): Promise<unknown> =>
        store().retry(claimed, by, () => {
          effects.push(n)
          return Promise.resolve()
        })
      await Promise.all([run(1), run(2)])
      expect(effects).toHaveLength(1)
    })

    test('counts what fails again, until it is dead', async () => {
      const by = instance()
      await store().record(failure(by))
      expect(await store().fail(await only(by), by, fate())).toMatchObject({ own: true })
      const again = await only(by)
      expect(again.attempts).toBe(2)
      await store().fail(again, by, fate({ state: DEAD, reason: 'exhausted' }))
      expect(await claim(by)).toEqual([])
    })

    test('hands the trace of the last try that had one to the next', async () => {
      const by = instance()
      const traced = (n: number): FailureFate['trace'] => ({
        traceId: String(n),
        headers: { traceparent: `ä-${String(n)}` },
      })
      await store().record(failure(by))
      const second = await only(by)
      expect(second.previous).toBeNull()
      await store().fail(second, by, fate({ trace: traced(2) }))
      const third = await only(by)
      expect(third.previous).toEqual({ traceparent: 'ä-2' })
      await store().fail(third, by, fate({ trace: traced(3) }))
      await store().fail(await only(by), by, fate())
      expect(await only(by)).toMatchObject({ previous: { traceparent: 'ä-3' } })
      await store().record(failure(by, { fate: { trace: traced(4) } }))
      expect(await only(by)).toMatchObject({ previous: { traceparent: 'ä-4' } })
    })

    test('spends nothing when it was not tried', async () => {
      const by = instance()
      await store().record(failure(by, { fate: { reason: 'suspect', error: null, triedMs: null } }))
      const claimed = await only(by, 'suspects')
      expect(claimed).toMatchObject({ attempts: 0, failingForMs: 0 })
      await store().fail(claimed, by, fate({ triedMs: null }))
      expect(await only(by)).toMatchObject({ attempts: 0 })
    })
  })

  describe(`failures of ${contract.name}: forgetting`, () => {
    test('takes only what ended longer ago than the retention', async () => {
      const by = instance()
      await store().record(failure(by, { fate: { state: DEAD, reason: 'permanent' } }))
      await store().record(failure(by))
      await handled(by, await only(by))
      await store().record(failure(by, { fate: { state: { kind: 'retry', afterMs: LONG_MS } } }))
      const all = { consumer: 'billing', limit: 10 }
      expect(await store().prune({ ...all, retentionMs: LONG_MS })).toBe(0)
      expect(
        await eventually(async () => (await store().prune({ ...all, retentionMs: 1 })) || undefined),
      ).toBe(1)
      expect(await store().prune({ ...all, retentionMs: 1 })).toBe(0)
    })
  })
}
