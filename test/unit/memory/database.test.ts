import { describe, expect, it } from 'vitest'
import { memoryDatabase, MemoryLockTimeout } from '../../../adapters/memory/index.ts'
import { createFakeClock } from '../../support/fake-clock.ts'
import { createGate } from '../consuming/setup.ts'

describe('rows of a memory database', () => {
  it('are seen by their own transaction at once and by others after the commit', async () => {
    const database = memoryDatabase()
    await database.transaction(async (tx) => {
      await tx.put('t', 'a', { n: 1 })
      expect(await tx.get('t', 'a')).toEqual({ n: 1 })
      expect(await tx.rows('t')).toEqual([{ n: 1 }])
      await database.transaction(async (other) => {
        expect(await other.get('t', 'a')).toBeUndefined()
        expect(await other.rows('t')).toEqual([])
      })
    })
    expect(database.rows('t')).toEqual([{ n: 1 }])
  })

  it('are deleted when the transaction commits', async () => {
    const database = memoryDatabase()
    await database.transaction((tx) => tx.put('t', 'a', { n: 1 }))
    const fail = database.transaction(async (tx) => {
      expect(await tx.delete('t', 'a')).toBe(true)
      expect(await tx.delete('t', 'a')).toBe(false)
      expect(await tx.rows('t')).toEqual([])
      throw new Error('No.')
    })
    await expect(fail).rejects.toThrow('No.')
    expect(database.rows('t')).toEqual([{ n: 1 }])
    await database.transaction((tx) => tx.delete('t', 'a'))
    expect(database.rows('t')).toEqual([])
  })

  it('are copied in and out, so that nobody changes them from outside', async () => {
    const database = memoryDatabase()
    const row = { tags: ['a'] }
    await database.transaction(async (tx) => {
      await tx.put('t', 'a', row)
      row.tags.push('b')
      const read = (await tx.get('t', 'a')) as typeof row
      read.tags.push('c')
    })
    expect(database.rows('t')).toEqual([{ tags: ['a'] }])
  })

  it('make a second writer wait until the first has ended', async () => {
    const database = memoryDatabase()
    const gate = createGate()
    const order: string[] = []
    const first = database.transaction(async (tx) => {
      await tx.put('t', 'a', { by: 'first' })
      await gate.passed
      order.push('first')
    })
    const second = database.transaction(async (tx) => {
      await tx.put('t', 'a', { by: 'second' })
      order.push('second')
    })
    gate.open()
    await Promise.all([first, second])
    expect(order).toEqual(['first', 'second'])
    expect(database.rows('t')).toEqual([{ by: 'second' }])
  })

  it('fail a writer that waits for too long, in a way that may be tried again', async () => {
    const clock = createFakeClock()
    const database = memoryDatabase({ clock, lockTimeoutMs: 1_000 })
    const gate = createGate()
    const first = database.transaction(async (tx) => {
      await tx.put('t', 'a', {})
      await gate.passed
    })
    const second = database.transaction((tx) => tx.put('t', 'a', {})).catch((error: unknown) => error)
    await clock.advance(1_000)
    const error = await second
    expect(error).toBeInstanceOf(MemoryLockTimeout)
    expect(database.classify(error)).toBe('transient')
    gate.open()
    await first
    expect(clock.pending).toBe(0)
  })
})

describe('a transaction of a memory database', () => {
  it('cannot be used once it has ended', async () => {
    const database = memoryDatabase()
    const [tx] = await database.transaction((given) => Promise.resolve([given]))
    await expect(tx.put('t', 'a', {})).rejects.toMatchObject({
      code: 'WAYBILL_TRANSACTION_FINISHED',
    })
  })

  it('that is wound up while a statement of it waits never gets the lock', async () => {
    const database = memoryDatabase()
    const gate = createGate()
    const first = database.transaction(async (tx) => {
      await tx.put('t', 'a', { by: 'first' })
      await gate.passed
    })
    let late: Promise<unknown> = Promise.resolve()
    const second = database.transaction((tx) => {
      late = tx.put('t', 'a', { by: 'second' }).catch((error: unknown) => error)
      return Promise.reject(new Error('Gave up.'))
    })
    await expect(second).rejects.toThrow('Gave up.')
    expect(await late).toBeInstanceOf(Error)
    gate.open()
    await first
    await database.transaction((tx) => tx.put('t', 'a', { by: 'third' }))
    expect(database.rows('t')).toEqual([{ by: 'third' }])
  })
})

describe('faults of a memory database', () => {
  it('down: nothing answers, what was open is rolled back, and all of it counts as infrastructure', async () => {
    const database = memoryDatabase()
    const errors: unknown[] = []
    const keep = (error: unknown): void => void errors.push(error)
    await database
      .transaction(async (tx) => {
        await tx.put('t', 'a', {})
        database.faults.goDown()
        await tx.put('t', 'b', {}).catch(keep)
      })
      .catch(keep)
    await database.ping().catch(keep)
    await database.transaction(() => Promise.resolve()).catch(keep)
    await database.relay.ring().catch(keep)
    expect(errors.map((error) => database.classify(error))).toEqual(Array(5).fill('infrastructure'))
    database.faults.comeBack()
    await database.ping()
    expect(database.rows('t')).toEqual([])
  })

  it('failed commits: rolled back', async () => {
    const database = memoryDatabase()
    database.faults.failCommits(1)
    const write = (): Promise<void> => database.transaction((tx) => tx.put('t', 'a', {}))
    await expect(write()).rejects.toMatchObject({ code: 'WAYBILL_DATABASE_UNAVAILABLE' })
    expect(database.rows('t')).toEqual([])
    await write()
    expect(database.rows('t')).toHaveLength(1)
  })

  it('lost answers: committed all the same', async () => {
    const database = memoryDatabase()
    database.faults.loseCommitAnswers(1)
    const work = database.transaction((tx) => tx.put('t', 'a', {}))
    await expect(work).rejects.toMatchObject({ code: 'WAYBILL_DATABASE_UNAVAILABLE' })
    expect(database.rows('t')).toHaveLength(1)
  })
})
