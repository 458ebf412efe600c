/** A time in UTC, to the microsecond, so that it comes back as it is. */
export function iso(column: string): string {
  return `pg_catalog.to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`
}

const ERROR_CHARACTERS = 1024

const TIMES = ['created_at', 'received_at', 'failed_at', 'next_attempt_at', 'ended_at'].map((name) =>
  iso(`m.${name}`),
)

/** What `letterOf` reads of a row `m` of the view `failed_message`. */
export const LETTER_COLUMNS: string = [
  'm.direction, m.number, m.state, m.revision, m.consumer, m.message_id, m.type, m.version, m.key',
  'm.source, m.exchange, m.routing_key, m.correlation_id, m.causation_id, m.reason, m.error_type',
  `pg_catalog.left(m.error_message, ${String(ERROR_CHARACTERS)})`,
  'm.fingerprint, m.attempts, m.crashes, m.replays, m.uncertain, m.blocking, m.edited_from',
  ...TIMES,
].join(', ')

/** How many there are. */
export const LETTER_WIDTH = 29
