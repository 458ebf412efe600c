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

test('an outbox takes the transaction of its database and no other handle', () => {
  const check = (client: PoolClient, pool: Pool, tx: Knex.Transaction, knex: Knex): void => {
    const outbox = createOutbox({ source: 'orders', messages, database: pgDatabase })
    expectTypeOf(outbox).toEqualTypeOf<Outbox<typeof messages, PoolClient>>()
    void outbox.write(client, message)
    // @ts-expect-error a pool runs each statement on any connection
    void outbox.write(pool, message)
    const withKnex = createOutbox({ source: 'orders', messages, database: knexDatabase })
    void withKnex.write(tx, message)
    // @ts-expect-error knex itself is no transaction
    void withKnex.write(knex, message)
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

test('an outbox with a wider catalogue serves where a narrower one is asked for by name', () => {
  const check = (outbox: Outbox<typeof messages, PoolClient>): void => {
    // A service may hand it on without naming all of its types.
    const generic: Pick<Outbox<typeof messages, PoolClient>, 'wake'> = outbox
    generic.wake()
  }
  expectTypeOf(check).toBeFunction()
})
