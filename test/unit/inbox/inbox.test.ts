import { describe, expect, it } from 'vitest'
import { memoryDatabase } from '../../../adapters/memory/index.ts'
import { createInbox, isWaybillError, type OnceOptions } from '../../../src/index.ts'

function setup() {
  const database = memoryDatabase()
  const inbox = createInbox({ database })
  const ran: string[] = []
  const once = (message: OnceOptions, fail = false) =>
    database.transaction((tx) =>
      inbox.once(tx, message, async () => {
        await tx.put('payments', message.messageId, {})
        if (fail) throw new Error('No.')
        ran.push(message.messageId)
        return `receipt of ${message.messageId}`
      }),
    )
  return { database, once, ran }
}

const event = { consumer: 'payments', source: 'stripe', messageId: 'evt_1' }

describe('inbox.once', () => {
  it('does the work for a new message and returns what it came to', async () => {
    const { once, database } = setup()
    expect(await once(event)).toEqual({ first: true, result: 'receipt of evt_1' })
    expect(database.rows('payments')).toHaveLength(1)
  })

  it('does nothing for a message that was handled before', async () => {
    const { once, ran } = setup()
    await once(event)
    expect(await once(event)).toEqual({ first: false })
    expect(ran).toEqual(['evt_1'])
  })

  it('lets one of two concurrent calls wait for the other', async () => {
    const { once, ran } = setup()
    const results = await Promise.all([once(event), once(event)])
    expect(results.map(({ first }) => first)).toEqual([true, false])
    expect(ran).toEqual(['evt_1'])
  })

  it('remembers nothing when the work fails', async () => {
    const { once, database } = setup()
    await expect(once(event, true)).rejects.toThrow('No.')
    expect([database.rows('payments'), database.inboxEntries()]).toEqual([[], []])
    expect(await once(event)).toMatchObject({ first: true })
  })

  it('keeps consumers and sources apart', async () => {
    const { once } = setup()
    await once(event)
    expect(await once({ ...event, consumer: 'audit' })).toMatchObject({ first: true })
    expect(await once({ ...event, source: 'paypal' })).toMatchObject({ first: true })
  })

  it('refuses an id that was handled for another type', async () => {
    const { once } = setup()
    await once({ ...event, type: 'charge' })
    const error: unknown = await once({ ...event, type: 'refund' }).catch((thrown: unknown) => thrown)
    expect(isWaybillError(error, 'WAYBILL_MESSAGE_ID_CONFLICT')).toBe(true)
  })

  it('takes a UUID in upper case for the same in lower case', async () => {
    const { once } = setup()
    const messageId = '0198f2a0-1234-7abc-8def-0123456789ab'
    await once({ consumer: 'c', messageId })
    expect(await once({ consumer: 'c', messageId: messageId.toUpperCase() })).toMatchObject({ first: false })
  })

  it.each([
    [{ ...event, consumer: '' }],
    [{ ...event, messageId: '' }],
    [{ ...event, messageId: 5 as never }],
    [{ ...event, source: '' }],
    [{ ...event, type: '' }],
  ])('refuses %j', async (message) => {
    const { once, ran } = setup()
    const error: unknown = await once(message).catch((thrown: unknown) => thrown)
    expect(isWaybillError(error, 'WAYBILL_OPTION_INVALID')).toBe(true)
    expect(ran).toEqual([])
  })

  it('is refused without a database', () => {
    expect(() => createInbox({ database: {} as never })).toThrow('Option database')
  })
})
