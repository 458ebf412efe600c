import type pg from 'pg'
import { pgDatabase } from '../../adapters/pg/index.ts'
import { createOutbox } from '../../src/index.ts'
import { messages, type Act } from './messages.ts'
import type { Stage } from './stage.ts'

/** A message that a scenario writes by itself, with a key of its own. */
export interface Extra {
  readonly key: string
  readonly act?: Act
  /** @defaultValue `1` */
  readonly version?: number
}

/** A transaction that has written and not ended. */
export interface OpenTransaction {
  readonly messageId: string
  commit(): Promise<void>
}

export async function openTransaction({ pool }: Stage, extra: Extra): Promise<OpenTransaction> {
  const client = await pool.connect()
  await client.query('begin')
  const messageId = await writeOn(client, pool, extra)
  return {
    messageId,
    commit: async () => {
      await client.query('commit')
      client.release()
    },
  }
}

/** Writes a message of which the checker knows. @returns its id. */
export async function write(stage: Stage, extra: Extra): Promise<string> {
  const { messageId, commit } = await openTransaction(stage, extra)
  await commit()
  return messageId
}

async function writeOn(client: pg.PoolClient, pool: pg.Pool, extra: Extra): Promise<string> {
  const { key, act, version = 1 } = extra
  const outbox = createOutbox({ source: 'faults', messages, database: pgDatabase(pool), history: true })
  const payload = { version, ...(act && { act }) }
  const { messageId } = await outbox.write(client, { type: 'fault.red', key, payload })
  await client.query('insert into placed values ($1, $2, $3)', [messageId, key, version])
  return messageId
}
