import { rabbitmq } from '../../../adapters/rabbitmq/index.ts'
import { createConsumer } from '../../../src/index.ts'
import { openDatabase } from './drivers.ts'
import { messages, QUEUE, recordEffect } from './world.ts'

/** A process that one message brings down each time. */
const { WAYBILL_DATABASE_URL: databaseUrl = '', WAYBILL_AMQP_URL: url = '' } = process.env

await createConsumer({
  name: QUEUE,
  messages,
  database: openDatabase('pg', databaseUrl).database,
  transport: rabbitmq({ url }),
  failures: { leaseMs: 1_000 },
  handlers: {
    'order.placed': async ({ messageId, key }, { tx }) => {
      await recordEffect(messageId, tx)
      if (key === 'poison') process.kill(process.pid, 'SIGKILL')
    },
  },
}).start()
console.log('started')
