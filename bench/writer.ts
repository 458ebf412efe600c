import { randomUUID } from 'node:crypto'
import type pg from 'pg'
import { createOutbox, defineMessages, messageType } from '../src/index.ts'
import { compare, type Row, type Variant } from './measure.ts'
import type { Setting } from './setting.ts'

const CONNECTIONS = 8
const messages = defineMessages({ 'order.placed': messageType<{ orderId: string; note: string }>() })
const INSERT = 'insert into bench_order (id, note) values ($1, $2) returning id'
const NOTE = 'x'.repeat(200)

/** What an outbox costs a business transaction: in a round trip of its own, and folded into the user's statement. */
export async function benchWriter(setting: Setting): Promise<Row[]> {
  const { pool, database } = setting
  await pool.query('create table bench_order (id uuid primary key, note text not null)')
  const outbox = createOutbox({ source: 'bench', messages, database })
  const message = (id: string) =>
    ({ type: 'order.placed', key: id, payload: { orderId: id, note: NOTE } }) as const

  const variant = (name: string, work: (client: pg.ClientBase, id: string) => Promise<unknown>): Variant => ({
    name,
    run: () => transactionsPerSecond(setting, work),
  })
  return compare({
    bench: 'writer',
    unit: 'transactions/s',
    rounds: 4,
    variants: [
      variant('business only', (client, id) => client.query(INSERT, [id, NOTE])),
      variant('write', async (client, id) => {
        await client.query(INSERT, [id, NOTE])
        await outbox.write(client, message(id))
      }),
      variant('write with lockKey', async (client, id) => {
        await client.query(INSERT, [id, NOTE])
        await outbox.write(client, message(id), { lockKey: true })
      }),
      variant('statement', async (client, id) => {
        const business = { text: INSERT, values: [id, NOTE] }
        const { text, values } = await outbox.statement([message(id)], { business })
        await client.query({ name: 'place order', text, values: [...values] })
      }),
    ],
  })
}

async function transactionsPerSecond(
  { pool, scale }: Setting,
  work: (client: pg.ClientBase, id: string) => Promise<unknown>,
): Promise<number> {
  await pool.query('truncate bench_order')
  await pool.query('truncate waybill.outbox')
  const until = performance.now() + 2_000 * scale
  let count = 0
  const one = async (): Promise<void> => {
    const client = await pool.connect()
    while (performance.now() < until) {
      await client.query('begin')
      await work(client, randomUUID())
      await client.query('commit')
      count += 1
    }
    client.release()
  }
  const started = performance.now()
  await Promise.all(Array.from({ length: CONNECTIONS }, one))
  return (count / (performance.now() - started)) * 1_000
}
