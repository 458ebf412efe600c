import { describe, expect, test } from 'vitest'
import { createOutbox, defineMessages, messageType, type Outbox } from '../../../src/index.ts'
import { recordingDatabase, type RecordingDatabase, type RecordingTx } from './recording-database.ts'

const messages = defineMessages({ 'order.placed': messageType<{ orderId: string }>() })
const placed = { type: 'order.placed', payload: { orderId: 'a' } } as const

function outboxOn(database: RecordingDatabase): Outbox<typeof messages, RecordingTx> {
  return createOutbox({ source: 'orders', messages, database })
}

describe('a statement', () => {
  test('is made by the store out of the same records, touching no transaction', async () => {
    const database = recordingDatabase()
    const business = { text: 'update orders set state = $1', values: ['placed'] }
    expect(await outboxOn(database).statement({ ...placed, key: 'a' }, { business })).toEqual({
      text: 'insert',
      values: [],
    })
    expect(database.statements).toMatchObject([{ records: [{ type: 'order.placed', key: 'a' }], business }])
    await outboxOn(database).statement([placed, placed])
    expect(database.statements[1]).toMatchObject({ records: [{}, {}], business: undefined })
  })

  test('without messages is the business statement, and without that it is refused', async () => {
    const outbox = outboxOn(recordingDatabase())
    const business = { text: 'select 1', values: [] }
    expect(await outbox.statement([], { business })).toBe(business)
    await expect(outbox.statement([])).rejects.toMatchObject({ code: 'WAYBILL_MESSAGE_INVALID' })
  })

  test.each([{ text: 'select 1' }, { text: 1, values: [] }, 'select 1', null])(
    'is refused with the business statement %j',
    async (business) => {
      const statement = outboxOn(recordingDatabase()).statement(placed, { business: business as never })
      await expect(statement).rejects.toMatchObject({ code: 'WAYBILL_OPTION_INVALID' })
    },
  )
})
