import { connect } from 'amqplib'
import pg from 'pg'
import { expect, test } from 'vitest'
import { pgDatabase } from '../../../adapters/pg/index.ts'
import { rabbitmq } from '../../../adapters/rabbitmq/index.ts'
import { createRelay } from '../../../relay/index.ts'
import { createOutbox, defineMessages, messageType } from '../../../src/index.ts'
import { createTestVhost } from '../../support/broker.ts'
import { eventually } from '../../support/eventually.ts'
import { createWorld, QUICK } from './world.ts'

const messages = defineMessages(
  {
    held: messageType<number>({ unroutable: 'hold' }),
    dropped: messageType<number>({ unroutable: 'ignore' }),
    buried: messageType<number>({ unroutable: 'dead' }),
    silent: messageType<number>(),
  },
  { source: 'tests' },
)

test('each type has its say in what becomes of its messages while no queue is bound; others follow the relay', async () => {
  await using world = await createWorld()
  await using vhost = await createTestVhost()
  const pool = new pg.Pool({ connectionString: world.database.url })
  const database = pgDatabase(pool)
  const outbox = createOutbox({ source: 'tests', messages, database })
  const transport = rabbitmq({ url: vhost.url })
  const relay = createRelay({ database, transport }, { ...QUICK, onUnroutable: 'ignore' })
  await relay.start()
  await database.transaction(async (tx) => {
    for (const type of messages.types) await outbox.write(tx, { type: type as 'held', payload: 1 })
  })
  const types = async (table: string): Promise<string[]> => {
    const { rows } = await pool.query<{ type: string }>(`select type from waybill.${table}`)
    return rows.map(({ type }) => type)
  }
  await eventually(async () => (await types('outbox')).join() === 'held')
  expect(await types('parked')).toEqual(['buried'])

  const connection = await connect(vhost.url)
  const channel = await connection.createChannel()
  await channel.assertQueue('late', { durable: true })
  await channel.bindQueue('late', 'tests.events', '#')
  await eventually(async () => (await types('outbox')).length === 0)
  const message = await channel.get('late', { noAck: true })
  if (message === false) throw new Error('Nothing has arrived.')
  expect(message.properties.type).toBe('held')
  expect(Object.keys(message.properties.headers ?? {})).not.toContain('waybill-unroutable')
  expect(await channel.get('late', { noAck: true })).toBe(false)

  await relay.stop()
  await transport.close()
  await connection.close()
  await pool.end()
})
