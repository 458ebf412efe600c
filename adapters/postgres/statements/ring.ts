import { SERVER } from './server.ts'

/**
 * The doorbell: moves when a position is given out and when a transaction that writes begins, commits or rolls back.
 * A commit alone does not move the sequence, hence the snapshot; another server may say the same by chance.
 * Locks: none. Index: none; nothing of the outbox is read.
 */
export function ring(schema: string): string {
  return `
select last_value || ' ' || is_called || ' ' || pg_catalog.pg_current_snapshot() || ' ' || ${SERVER}
from ${schema}.outbox_id_seq`
}
