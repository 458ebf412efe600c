import { rabbitmq } from '../../../adapters/rabbitmq/index.ts'
import { createConsumer } from '../../../src/index.ts'
import { openDatabase } from './drivers.ts'
import { messages, QUEUE, recordEffect } from './world.ts'

/** A process in which nothing else can happen while its first handler runs, for longer than the broker waits for a sign of life. */
const { WAYBILL_DATABASE_URL: databaseUrl = '', WAYBILL_AMQP_URL: url = '', BLOCK_MS: blockMs } = process.env
let isFirst = true

function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

await createConsumer({
  name: QUEUE,
  messages,
  database: openDatabase('pg', databaseUrl).database,
  transport: rabbitmq({ url, heartbeatMs: 1_000, reconnect: { baseMs: 20, maxMs: 200 } }),
  concurrency: 1,
  handlers: {
    'order.placed': async ({ messageId }, { tx }) => {
      await recordEffect(messageId, tx)
      if (isFirst) block(Number(blockMs))
      isFirst = false
    },
  },
  telemetry: {
    handled: (_name, _type, { outcome }) => {
      console.log(outcome)
    },
  },
}).start()
console.log('started')
