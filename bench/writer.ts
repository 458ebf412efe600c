import { randomUUID } from 'node:crypto'
import type pg from 'pg'
import { pgDatabase } from '../adapters/pg/index.ts'
import { createOutbox, defineMessages, messageType } from '../src/index.ts'
import { laneOf } from '../src/ports.ts'
import { cpuOfProgramAndServer, createCosts, type Measured } from './cpu.ts'
import { compare, type Row } from './measure.ts'
import type { Setting } from './setting.ts'

type Work = (client: pg.ClientBase, id: string) => Promise<unknown>

const CONNECTIONS = 8
/** Short and often: a shared machine changes its pace within seconds. */
const RUN_MS = 800
const ROUNDS = 10
const messages = defineMessages({ 'order.placed': messageType<{ orderId: string; note: string }>() })
const BUSINESS = 'insert into bench_order (id, note) values ($1, $2) returning id'
const NOTE = 'x'.repeat(200)

/** The record as a program would insert it that has everything at hand: what any outbox in this table costs at least. */
const COLUMNS =
  'lane, version, message_id, key, type, source, exchange, routing_key, headers, content_type, payload'
const INSERT = `insert into waybill.outbox (${COLUMNS}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`
const FOLDED = `with business as (${BUSINESS}), written as (
  insert into waybill.outbox (${COLUMNS})
  select $3::int2, $4::int4, $5::uuid, $6, $7, $8, $9, $10, $11, $12, $13::bytea from business
) select * from business`

/**
 * What an outbox costs a business transaction: in a round trip of its own, and folded into the user's statement. The
 * `bare` variants insert the same record by hand. The rows of CPU count program and server together, and stand other
 * work on the machine better than rates do: where both share a few cores, a rate is the inverse of it.
 */
export async function benchWriter(setting: Setting): Promise<Row[]> {
  await setting.pool.query('create table bench_order (id uuid primary key, note text not null)')
  const works = Object.entries({ ...bareVariants(), ...variantsOf(setting) })
  const costs = createCosts({ bench: 'writer', unit: 'µs/transaction' })
  const [business, ...others] = works.map(([name, work]) => costs.variant(name, () => measure(setting, work)))
  if (business === undefined) return []
  const rates = await compare({
    bench: 'writer',
    unit: 'transactions/s',
    rounds: ROUNDS,
    variants: [business, ...others],
  })
  return [...rates, ...costs.rows()]
}

function bareVariants(): Readonly<Record<string, Work>> {
  return {
    'business only': (client, id) => client.query(BUSINESS, [id, NOTE]),
    'bare insert': async (client, id) => {
      await client.query(BUSINESS, [id, NOTE])
      await client.query(INSERT, recordOf(id))
    },
    'bare insert, prepared': async (client, id) => {
      await client.query(BUSINESS, [id, NOTE])
      await client.query({ name: 'append', text: INSERT, values: recordOf(id) })
    },
    'bare statement': (client, id) =>
      client.query({ name: 'place order by hand', text: FOLDED, values: [id, NOTE, ...recordOf(id)] }),
  }
}

function recordOf(id: string): unknown[] {
  const payload = Buffer.from(JSON.stringify({ orderId: id, note: NOTE }))
  const type = 'order.placed'
  const lane = laneOf(id, id)
  return [lane, 1, randomUUID(), id, type, 'bench', 'bench.events', type, '{}', 'application/json', payload]
}

function variantsOf({ database, pool }: Setting): Readonly<Record<string, Work>> {
  const outbox = createOutbox({ source: 'bench', messages, database })
  const preparing = createOutbox({
    source: 'bench',
    messages,
    database: pgDatabase(pool, { prepare: true }),
  })
  const noting = createOutbox({ source: 'bench', messages, database, history: true })
  const message = (id: string) =>
    ({ type: 'order.placed', key: id, payload: { orderId: id, note: NOTE } }) as const
  return {
    write: async (client, id) => {
      await client.query(BUSINESS, [id, NOTE])
      await outbox.write(client, message(id))
    },
    'write, prepared': async (client, id) => {
      await client.query(BUSINESS, [id, NOTE])
      await preparing.write(client, message(id))
    },
    'write with lockKey': async (client, id) => {
      await client.query(BUSINESS, [id, NOTE])
      await outbox.write(client, message(id), { lockKey: true })
    },
    'write with history': async (client, id) => {
      await client.query(BUSINESS, [id, NOTE])
      await noting.write(client, message(id))
    },
    statement: async (client, id) => {
      const business = { text: BUSINESS, values: [id, NOTE] }
      const { text, values } = await outbox.statement([message(id)], { business })
      await client.query({ name: 'place order', text, values: [...values] })
    },
  }
}

async function measure({ pool, scale }: Setting, work: Work): Promise<Measured> {
  await pool.query('truncate bench_order')
  await pool.query('truncate waybill.outbox, waybill.history')
  const clients = await Promise.all(Array.from({ length: CONNECTIONS }, () => pool.connect()))
  const cpu = await cpuOfProgramAndServer(pool)
  const [started, used] = [performance.now(), cpu()]
  const until = started + RUN_MS * scale
  let count = 0
  const one = async (client: pg.PoolClient): Promise<void> => {
    while (performance.now() < until) {
      await client.query('begin')
      await work(client, randomUUID())
      await client.query('commit')
      count += 1
    }
    client.release()
  }
  await Promise.all(clients.map(one))
  return { rate: (count / (performance.now() - started)) * 1_000, cpu: (cpu() - used) / count }
}
