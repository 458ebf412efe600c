/**
 * For a statement in a transaction that goes on: two of its CTEs, after which nobody is waited for longer than `wait`, such as `5000ms`.
 * The statement has to read `limited`, and to restore by it what was before.
 */
export function limitLocks(wait: string): string {
  return `limit_before as materialized (select pg_catalog.current_setting('lock_timeout') as wait),
limited as materialized (
  select before.wait, pg_catalog.set_config('lock_timeout', ${wait}, true) from limit_before as before
)`
}

export const RESTORE_LOCKS = `pg_catalog.set_config('lock_timeout', limited.wait, true)`
