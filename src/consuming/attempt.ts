import type { Database } from '../database/database.ts'
import { WaybillError, isWaybillError } from '../errors.ts'
import type { InboxEntry } from '../inbox/inbox-store.ts'
import type { Clock } from '../lifecycle/clock.ts'
import { createWatch, type Watch } from './watch.ts'

/**
 * What became of one attempt to handle a message.
 *
 * - `handled`: committed. `duplicate`, `conflict`: the inbox knew the id, for this message or for another.
 * - `failed`: the handler's fault, as far as can be seen; rolled back.
 * - `transient`: the database asks to try the same again.
 * - `busy`: another transaction is handling the same message.
 * - `infrastructure`: the database failed. `inHandler` tells whether the message's own work may have caused it.
 * - `stopped`: the consumer did not want to wait any longer.
 */
export type AttemptOutcome =
  | { readonly kind: 'handled' | 'duplicate' | 'conflict' | 'stopped' }
  | { readonly kind: 'failed' | 'transient' | 'busy'; readonly error: unknown }
  | { readonly kind: 'infrastructure'; readonly error: unknown; readonly inHandler: boolean }

export interface AttemptParts<Tx> {
  readonly database: Database<Tx>
  readonly clock: Clock
  readonly handlerTimeoutMs: number
  /** Aborts when the consumer stops waiting. */
  readonly shutdown: AbortSignal
}

export interface AttemptWork<Tx> {
  readonly entry: InboxEntry
  /** Must not be awaited on anything but itself: when the signal aborts, nobody waits for it any more. */
  handle(tx: Tx, signal: AbortSignal): Promise<void>
}

type Phase = 'beginning' | 'handling' | 'ending'

/** How long the database may take to begin the transaction, and to end it. */
const EDGE_LIMIT_MS = 30_000

class Stopped extends Error {
  override readonly name = 'Stopped'
}

/**
 * Remembers the message and runs the handler, in one transaction. Once the outcome is told, the transaction is committed, or
 * can no longer commit whatever the handler still does.
 */
export async function attempt<Tx>(parts: AttemptParts<Tx>, work: AttemptWork<Tx>): Promise<AttemptOutcome> {
  const running = createRunning(parts.clock)
  const onShutdown = (): void => {
    // Ends the handler only. A commit on its way is waited for: without it the message would come again for nothing.
    running.handling.end(new Stopped('The consumer has stopped.'))
  }
  parts.shutdown.addEventListener('abort', onShutdown, { once: true })
  if (parts.shutdown.aborted) onShutdown()
  try {
    running.limitEdge('begin a transaction')
    const transaction = parts.database.transaction((tx) => inTransaction(parts, work, { tx, running }))
    return { kind: await running.edge.race(transaction) }
  } catch (error) {
    return failureOf(parts.database, error, running.phase)
  } finally {
    running.edge.done()
    running.handling.done()
    parts.shutdown.removeEventListener('abort', onShutdown)
  }
}

interface Running {
  phase: Phase
  /** Ends the handler: at its time limit, or when the consumer stops waiting. */
  readonly handling: Watch
  /** Ends the waiting for a database that neither begins nor ends the transaction. */
  readonly edge: Watch
  limitEdge(what: string): void
}

function createRunning(clock: Clock): Running {
  const handling = createWatch(clock)
  const edge = createWatch(clock)
  const running: Running = {
    phase: 'beginning',
    handling,
    edge,
    limitEdge(what) {
      // A rollback that hangs changes nothing about why the handler was ended.
      const overdue = (): Error =>
        handling.signal.aborted ? (handling.signal.reason as Error) : silent(what)
      edge.enter(EDGE_LIMIT_MS, overdue)
    },
  }
  handling.signal.addEventListener('abort', () => {
    running.limitEdge('roll a transaction back')
  })
  edge.signal.addEventListener('abort', () => {
    handling.end(edge.signal.reason as Error)
  })
  return running
}

async function inTransaction<Tx>(
  parts: AttemptParts<Tx>,
  work: AttemptWork<Tx>,
  { tx, running }: { readonly tx: Tx; readonly running: Running },
): Promise<'handled' | 'duplicate' | 'conflict'> {
  const { handling, edge } = running
  handling.signal.throwIfAborted()
  const verdict = await handling.race(parts.database.inbox.remember(tx, work.entry))
  if (verdict !== 'first') return verdict
  running.phase = 'handling'
  edge.done()
  const limitMs = parts.handlerTimeoutMs
  handling.enter(limitMs, () => overdue(limitMs))
  await handling.race(work.handle(tx, handling.signal))
  handling.signal.throwIfAborted()
  handling.done()
  running.phase = 'ending'
  running.limitEdge('commit a transaction')
  return 'handled'
}

function failureOf<Tx>(database: Database<Tx>, error: unknown, phase: Phase): AttemptOutcome {
  if (error instanceof Stopped) return { kind: 'stopped' }
  if (isWaybillError(error, 'WAYBILL_HANDLER_TIMEOUT')) return { kind: 'failed', error }
  const failure = isWaybillError(error, 'WAYBILL_DATABASE_UNAVAILABLE')
    ? 'infrastructure'
    : database.classify(error)
  if (phase === 'beginning' && failure === 'transient') return { kind: 'busy', error }
  // Before the handler has begun no failure can be the message's fault, such as a missing table or permission.
  if (phase === 'beginning') return { kind: 'infrastructure', error, inHandler: false }
  if (failure === 'infrastructure') return { kind: 'infrastructure', error, inHandler: true }
  return { kind: failure === 'transient' ? 'transient' : 'failed', error }
}

function overdue(limitMs: number): WaybillError {
  return new WaybillError('WAYBILL_HANDLER_TIMEOUT', {
    problem: `The handler has not ended within ${String(limitMs)} ms, so its transaction is rolled back.`,
    remedy: 'Do less in one message, or raise the option handlerTimeoutMs.',
  })
}

function silent(what: string): WaybillError {
  return new WaybillError('WAYBILL_DATABASE_UNAVAILABLE', {
    problem: `The database did not ${what} within ${String(EDGE_LIMIT_MS)} ms.`,
  })
}
