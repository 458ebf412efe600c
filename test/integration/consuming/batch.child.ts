import { rabbitmq } from '../../../adapters/rabbitmq/index.ts'
import { createConsumer } from '../../../src/index.ts'
import { openDatabase } from './drivers.ts'
import { messages, QUEUE, recordEffect } from './world.ts'

/** A process that never gets beyond the fifth message of a batch. */
const { WAYBILL_DATABASE_URL: databaseUrl = '', WAYBILL_AMQP_URL: url = '' } = process.env
let handled = 0

await createConsumer({
  name: QUEUE,
  messages,
  database: openDatabase('pg', databaseUrl).database,
  transport: rabbitmq({ url }),
  ...{ batch: 20, concurrency: 1, lingerMs: 1_000 },
  handlers: {
    'order.placed': async ({ messageId }, { tx }) => {
      await recordEffect(messageId, tx)
      handled += 1
      if (handled < 5) return
      console.log('in the middle')
      await new Promise(() => undefined)
    },
  },
}).start()
console.log('started')
