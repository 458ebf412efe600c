import type pg from 'pg'
import { queryText, type SqlRows } from '../postgres/index.ts'
import { endAtOnce } from './transaction.ts'

interface Statement {
  readonly text: string
  readonly values: readonly unknown[] | undefined
}

/** Runs one statement on a connection that the signal ends. One on which it has failed is thrown away, as `pool.query` does. */
export async function runAlone(
  pool: pg.Pool,
  { text, values }: Statement,
  signal: AbortSignal,
): Promise<SqlRows> {
  const client = await pool.connect()
  if (signal.aborted) client.release()
  signal.throwIfAborted()
  let broken: Error | undefined
  const onError = (error: Error): void => {
    broken ??= error
  }
  const giveUp = (): void => {
    endAtOnce(client)
  }
  client.on('error', onError)
  signal.addEventListener('abort', giveUp)
  try {
    return await queryText(client, text, values)
  } catch (error) {
    onError(error instanceof Error ? error : new Error('A statement failed.', { cause: error }))
    throw error
  } finally {
    signal.removeEventListener('abort', giveUp)
    client.release(broken)
    client.removeListener('error', onError)
  }
}
