import { connect, type ChannelModel } from 'amqplib'
import pg from 'pg'
import { pgDatabase, pgPool } from '../adapters/pg/index.ts'
import { migrate } from '../adapters/postgres/index.ts'
import type { Database } from '../src/index.ts'
import { startPostgres } from '../test/support/postgres-server.ts'
import { startRabbitmq } from '../test/support/rabbitmq-server.ts'

/** What a benchmark runs on: private servers with the durability of production. */
export interface Setting {
  readonly databaseUrl: string
  readonly amqpUrl: string
  readonly pool: pg.Pool
  readonly database: Database<pg.ClientBase>
  readonly connection: ChannelModel
  readonly scale: number
}

export const QUORUM = { durable: true, arguments: { 'x-queue-type': 'quorum' } } as const

export async function withSetting<Result>(
  scale: number,
  work: (setting: Setting) => Promise<Result>,
): Promise<Result> {
  await using postgres = await startPostgres({ settings: { fsync: 'on', max_wal_size: '4GB' } })
  await using rabbitmq = await startRabbitmq()
  const pool = new pg.Pool({ connectionString: postgres.url, max: 20 })
  const connection = await connect(rabbitmq.url)
  try {
    await migrate(pgPool(pool), { schema: 'waybill' })
    const database = pgDatabase(pool)
    return await work({ databaseUrl: postgres.url, amqpUrl: rabbitmq.url, pool, database, connection, scale })
  } finally {
    await connection.close()
    await pool.end()
  }
}

/** Resolves when the queue holds that many messages; nobody consumes meanwhile. */
export async function untilQueued({ connection }: Setting, queue: string, count: number): Promise<void> {
  const channel = await connection.createChannel()
  while ((await channel.checkQueue(queue)).messageCount < count) await pause(20)
  await channel.close()
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
