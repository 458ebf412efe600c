import { SERVER } from './server.ts'

/**
 * The doorbell: moves when a position is given out and when a transaction that writes begins, commits or rolls back.
 * A commit alone does not move the sequence, hence the snapshot; another server may say the same by chance.
 * Locks: none. Index: none; nothing of the outbox is read.
 */
export function ring(schema: string): string {
  return `select ${ringColumns(schema)}`
}

/**
 * Snapshot, sequence (null before the first position) and server. The sequence is read after the snapshot was taken:
 * no position above it is visible.
 */
export function ringColumns(schema: string): string {
  return `pg_catalog.pg_current_snapshot()::text,
  pg_catalog.pg_sequence_last_value('${schema.replaceAll("'", "''")}.outbox_id_seq'::regclass), ${SERVER}`
}
