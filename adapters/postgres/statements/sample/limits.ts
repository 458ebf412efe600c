/**
 * Keeps the statements of a sample from weighing on anybody, for their transaction only: none runs for longer than `$1`
 * milliseconds or waits long for a leaf that is being emptied or a table that is being changed; and a relay that stands
 * still in between loses its locks, behind which that would wait. Compiling would take longer than the statements do.
 * Locks: none. Index: none.
 */
export const SAMPLE_LIMITS = `
select pg_catalog.set_config('statement_timeout', $1::text, true),
  pg_catalog.set_config('lock_timeout', '100ms', true),
  pg_catalog.set_config('idle_in_transaction_session_timeout', '2s', true),
  pg_catalog.set_config('jit', 'off', true)`
