import pg from 'pg'
import { pgDatabase } from '../../adapters/pg/index.ts'
import { rabbitmq } from '../../adapters/rabbitmq/index.ts'
import { createConsumer } from '../../src/index.ts'
import { silentLogger, type Delivery, type Transport } from '../../src/ports.ts'
import { fuzzMessages } from '../fuzz/writer-actor.ts'

/**
 * One process of a consumer whose only effect is a row for each message. Prints what became of each delivery that was
 * not simply handled. With DIE_AT_ACK it is gone when it is about to give that ack: its commit stands, the broker knows
 * nothing of it. With CONSUMER_MODE key it shares partitions, and each effect takes a moment.
 */

const { WAYBILL_DATABASE_URL: databaseUrl, WAYBILL_AMQP_URL: url = '', DIE_AT_ACK: dieAtAck } = process.env
const isKeyed = process.env['CONSUMER_MODE'] === 'key'
const pool = new pg.Pool({ connectionString: databaseUrl, max: 5 })
pool.on('error', () => undefined)
const transport = rabbitmq({ url, heartbeatMs: 1000, reconnect: { baseMs: 50, maxMs: 300 } })

const effect = async (message: { readonly messageId: string }, { tx }: { readonly tx: pg.ClientBase }) => {
  await tx.query('insert into effect (message_id) values ($1)', [message.messageId])
  if (isKeyed) await tx.query('select pg_sleep(random() * 0.01)')
}

const consumer = createConsumer({
  name: 'effects',
  messages: fuzzMessages,
  database: pgDatabase(pool),
  transport: mortal(transport),
  concurrency: 4,
  ...(isKeyed ? { mode: 'key', partitionLeaseMs: 1_500, prefetch: 50 } : {}),
  handlers: { 'fuzz.red': effect, 'fuzz.green': effect, 'fuzz.blue': effect },
  telemetry: {
    handled: (_consumer, _type, { outcome }) => {
      if (outcome !== 'handled') console.log(outcome)
    },
  },
  logger: {
    ...silentLogger,
    warn: (_fields, text) => {
      console.log(text)
    },
  },
})

function mortal(whole: Transport): Transport {
  let left = Number(dieAtAck ?? Infinity)
  const ack = (delivery: Delivery) => (): void => {
    left -= 1
    if (left === 0) process.kill(process.pid, 'SIGKILL')
    delivery.ack()
  }
  return {
    ...whole,
    subscribe: (options) =>
      whole.subscribe({
        ...options,
        onDelivery: (delivery) => {
          options.onDelivery({ ...delivery, ack: ack(delivery) })
        },
      }),
  }
}

process.once('SIGTERM', () => {
  void (async () => {
    await consumer.stop()
    await transport.close()
    await pool.end()
  })()
})
await consumer.start()
console.log('consuming')
