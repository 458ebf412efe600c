import type { Knex } from 'knex'
import type { Pool, PoolClient } from 'pg'
import { expectTypeOf, test } from 'vitest'
import { createOutbox, defineMessages, type Database, type Outbox, type WrittenMessage } from 'waybill'
import { z } from 'zod'

const messages = defineMessages({
  'order.placed': z.object({ orderId: z.string() }),
  'order.closed': z.object({ orderId: z.string(), reason: z.string() }),
})
declare const pgDatabase: Database<PoolClient>
declare const knexDatabase: Database<Knex.Transaction>
const message = { type: 'order.placed', payload: { orderId: 'a' } } as const

test('an outbox takes the transaction of pg and no pool', () => {
  const check = (client: PoolClient, pool: Pool): void => {
    const outbox = createOutbox({ source: 'orders', messages, database: pgDatabase })
    expectTypeOf(outbox).toEqualTypeOf<Outbox<typeof messages, PoolClient>>()
    void outbox.write(client, message)
    // @ts-expect-error a pool runs each statement on any connection
    // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- the compiler must be the one to refuse it
    void outbox.write(pool, message)
  }
  expectTypeOf(check).toBeFunction()
})

test('an outbox takes the transaction of knex and not knex itself', () => {
  const check = (tx: Knex.Transaction, knex: Knex): void => {
    const outbox = createOutbox({ source: 'orders', messages, database: knexDatabase })
    void outbox.write(tx, message)
    // @ts-expect-error knex itself runs each statement on any connection
    void outbox.write(knex, message)
  }
  expectTypeOf(check).toBeFunction()
})

test('one message gives one result with its type, and a list gives a list', () => {
  const check = (outbox: Outbox<typeof messages, PoolClient>, client: PoolClient): void => {
    expectTypeOf(outbox.write(client, message)).resolves.toEqualTypeOf<WrittenMessage<'order.placed'>>()
    expectTypeOf(outbox.write(client, [message])).resolves.toEqualTypeOf<
      WrittenMessage<'order.placed' | 'order.closed'>[]
    >()
    void outbox.write(client, [message, { type: 'order.closed', payload: { orderId: 'a', reason: 'b' } }])
    // @ts-expect-error reason is missing
    void outbox.write(client, [message, { type: 'order.closed', payload: { orderId: 'a' } }])
    // @ts-expect-error reason is missing
    void outbox.write(client, { type: 'order.closed', payload: { orderId: 'a' } })
    // @ts-expect-error no such type
    void outbox.write(client, { type: 'order.lost', payload: { orderId: 'a' } })
    // @ts-expect-error the option is called lockKey
    void outbox.write(client, message, { lockKeys: true })
    void outbox.write(client, message, { lockKey: true })
  }
  expectTypeOf(check).toBeFunction()
})
