import type {
  AttemptTrace,
  ClaimedFailure,
  FailureFate,
  KeptMessage,
  NewWaiting,
  TraceHeaders,
} from '../../../src/ports.ts'
import type { SqlText } from '../sql-executor.ts'
import { storable } from '../storable.ts'

/** The columns of a kept message, in the order of {@link messageValues}. */
export const MESSAGE_COLUMNS =
  'original_id, type, version, source, key, correlation_id, causation_id, created_at, headers, content_type, exchange, routing_key, payload, sealed'

/** Placeholders for {@link messageValues}, from `$first` on. */
export function messageItems(first: number): string {
  const types = ['text', 'text', 'int4', 'text', 'text', 'text', 'text', 'float8']
  types.push('text', 'text', 'text', 'text', 'bytea', 'bool')
  return types
    .map((type, index) => {
      const given = `$${String(first + index)}::pg_catalog.${type}`
      if (type !== 'float8') return given
      return `pg_catalog.to_timestamp(${given} operator(pg_catalog./) 1000::pg_catalog.float8)`
    })
    .join(', ')
}

export function messageValues(message: KeptMessage): readonly unknown[] {
  return [
    storable(message.originalId),
    storable(message.type),
    message.version,
    storable(message.source),
    storable(message.key),
    storable(message.correlationId),
    storable(message.causationId),
    message.createdAt,
    JSON.stringify(message.headers),
    storable(message.contentType),
    storable(message.exchange),
    storable(message.routingKey),
    message.payload,
    message.sealed,
  ]
}

/** What the `fate` columns of a row are set to, in the order of their placeholders. */
export function fateValues({
  state,
  blocking,
  reason,
  error,
  triedMs,
  trace,
}: FailureFate): readonly unknown[] {
  return [
    state.kind,
    state.kind === 'retry' ? state.afterMs : null,
    blocking,
    reason,
    storable(error?.type ?? null),
    storable(error?.message ?? null),
    storable(error?.stack ?? null),
    storable(error?.frame ?? null),
    error?.fingerprint ?? null,
    triedMs === null ? null : Math.round(triedMs),
    ...traceValues(trace),
  ]
}

/** The columns `trace_id` and `trace_headers` of an attempt. */
export function traceValues(trace: AttemptTrace | null): readonly (string | null)[] {
  return trace === null ? [null, null] : [storable(trace.traceId), JSON.stringify(trace.headers)]
}

/** The key by which a message waits; null when it waits for none. */
export function keyOf({ entry }: Pick<NewWaiting, 'entry'>): string | null {
  return storable(entry.key ?? null)
}

/** What {@link claimedFailure} reads of a row `f`. */
export const claimedColumns = (
  schema: string,
): string => `f.failure_id, f.message_id, f.original_id, f.type, f.version, f.source, f.key,
  f.correlation_id, f.causation_id, pg_catalog.date_part('epoch', f.created_at) operator(pg_catalog.*) 1000::pg_catalog.float8,
  f.headers, f.content_type, f.exchange, f.routing_key, pg_catalog.encode(f.payload, 'hex'), f.sealed, f.blocking,
  f.attempts, f.crashes, f.replays, coalesce((
    select pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - pg_catalog.min(a.ended_at)) * 1000
    from ${schema}.failure_attempt as a
    where a.failure_id = f.failure_id and a.outcome = 'failed' and not a.replay
  ), 0), (
    select a.trace_headers from ${schema}.failure_attempt as a
    where a.failure_id = f.failure_id and a.trace_headers is not null
    order by a.attempt_id desc limit 1
  )`

export function claimedFailure(row: readonly SqlText[]): ClaimedFailure {
  const text = (column: number): string => row[column] ?? ''
  const some = (column: number): string | null => row[column] ?? null
  return {
    failureId: text(0),
    messageId: text(1),
    message: {
      originalId: text(2),
      type: text(3),
      version: Number(row[4]),
      source: some(5),
      key: some(6),
      correlationId: some(7),
      causationId: some(8),
      createdAt: row[9] === null ? null : Math.round(Number(row[9])),
      headers: JSON.parse(text(10)) as Record<string, string>,
      contentType: text(11),
      exchange: text(12),
      routingKey: text(13),
      payload: Buffer.from(text(14), 'hex'),
      sealed: row[15] === 't',
    },
    blocking: row[16] === 't',
    attempts: Number(row[17]),
    crashes: Number(row[18]),
    replays: Number(row[19]),
    failingForMs: Number(row[20]),
    previous: typeof row[21] === 'string' ? (JSON.parse(row[21]) as TraceHeaders) : null,
  }
}
