import type { Database } from '../database/database.ts'
import { WaybillError, isWaybillError } from '../errors.ts'
import type { InboxEntry, InboxVerdict } from '../inbox/inbox-store.ts'
import type { AttemptTrace, ClaimedFailure, FailureInstance } from './failures/failure-store.ts'
import { KeyIsFull } from './failures/keeper.ts'
import type { Follower } from './verdict.ts'
import type { Watch, Watches } from './watch.ts'

/**
 * What became of one attempt to handle messages, one or several in one transaction.
 *
 * - `done`: committed; `verdicts` are what the inbox said of each message, and those that were `first` were handled.
 * - `failed`: a handler's fault, as far as can be seen; rolled back.
 * - `transient`: the database asks to try the same again.
 * - `busy`: another transaction is handling one of the messages.
 * - `infrastructure`: the database failed. `suspect` is the message whose own work may have caused it, if any.
 * - `stopped`: the consumer did not want to wait any longer.
 */
export type AttemptOutcome =
  | { readonly kind: 'done'; readonly verdicts: readonly InboxVerdict[] }
  | { readonly kind: 'failed' | 'transient' | 'busy'; readonly error: unknown }
  | { readonly kind: 'infrastructure'; readonly error: unknown; readonly suspect: number | null }
  | { readonly kind: 'stopped' }

export interface AttemptParts<Tx> {
  readonly database: Database<Tx>
  readonly watches: Watches
  readonly handlerTimeoutMs: number
  readonly instance: FailureInstance
  /** A message that waited behind one that is handled now is due. */
  readonly onDue: () => void
}

/** One message to be handled. */
export interface Task<Tx> {
  readonly entry: InboxEntry
  /** A kept message, which the inbox knows already. Always a task by itself. */
  readonly claimed: ClaimedFailure | null
  readonly follower: Follower | null
  readonly trace: AttemptTrace | null
  /** Runs the handler, which may throw. When the watch ends it, nobody waits for it any more. */
  handle(tx: Tx, watch: Watch): Promise<void> | void
  /** Keeps it behind the others of its key, instead of handling it. */
  wait(tx: Tx): Promise<void>
}

/** What ends the attempts of a consumer that does not want to wait any longer. */
export class Stopped extends Error {
  override readonly name = 'Stopped'
}

/** How long the database may take to begin the transaction, and to end it. */
const EDGE_LIMIT_MS = 30_000

type Trial = Pick<Task<never>, 'claimed' | 'follower' | 'trace'>

const UNCLAIMED: Trial = { claimed: null, follower: null, trace: null }

interface Run {
  readonly watch: Watch
  phase: 'beginning' | 'handling' | 'ending'
  /** Which message is being handled, or was last. */
  at: number | null
  /** Goes on without the handler. */
  interrupt: (error: Error) => void
  /** Goes on without the transaction. */
  abandon: (error: Error) => void
}

/**
 * Remembers the messages and runs their handlers, one after the other, in one transaction. Once the outcome is told, the
 * transaction is committed, or can no longer commit whatever a handler still does.
 */
export async function attempt<Tx>(
  parts: AttemptParts<Tx>,
  tasks: readonly Task<Tx>[],
): Promise<AttemptOutcome> {
  if (tasks.length === 0) return { kind: 'done', verdicts: [] }
  const run: Run = {
    watch: parts.watches.begin(),
    phase: 'beginning',
    at: null,
    interrupt: () => undefined,
    abandon: () => undefined,
  }
  try {
    return { kind: 'done', verdicts: await transactionOf(parts, tasks, run) }
  } catch (error) {
    if (run.phase === 'beginning') run.watch.end(neverBegun(error))
    return failureOf(parts.database, error, run)
  } finally {
    run.watch.done()
  }
}

function transactionOf<Tx>(
  parts: AttemptParts<Tx>,
  tasks: readonly Task<Tx>[],
  run: Run,
): Promise<readonly InboxVerdict[]> {
  return new Promise((resolve, reject) => {
    run.abandon = reject
    run.watch.onEnd((error) => {
      onEnd(run, error)
    })
    limitEdge(run, 'begin a transaction')
    const work = (tx: Tx, verdicts: readonly InboxVerdict[]): Promise<readonly InboxVerdict[]> =>
      inTransaction(parts, tasks, { tx, verdicts, run })
    const [{ claimed, ...trial } = UNCLAIMED] = tasks
    const entries = tasks.map(({ entry }) => entry)
    const handled =
      claimed === null
        ? parts.database.handle(entries, work)
        : handleClaimed(parts, { ...trial, claimed }, work)
    handled.then(resolve, reject)
  })
}

async function handleClaimed<Tx>(
  { database, instance, onDue }: AttemptParts<Tx>,
  { claimed, follower, trace }: Trial & { readonly claimed: ClaimedFailure },
  work: (tx: Tx, verdicts: readonly InboxVerdict[]) => Promise<unknown>,
): Promise<readonly InboxVerdict[]> {
  const by = { ...instance, trace, follows: () => follower?.isReady() === true }
  const { own, released, next } = await database.failures.retry(claimed, by, async (tx) => {
    await work(tx, ['first'])
  })
  if (next !== null) follower?.onNext(next)
  if (released) onDue()
  return [own ? 'first' : 'duplicate']
}

/** A commit on its way is waited for: without it the messages would come again for nothing. */
function onEnd(run: Run, error: Error): void {
  if (run.phase === 'beginning') {
    run.abandon(error)
  } else if (run.phase === 'handling') {
    limitEdge(run, 'roll a transaction back')
    run.interrupt(error)
  }
}

/** A rollback that hangs changes nothing about why the handler was ended. */
function limitEdge(run: Run, what: string): void {
  run.watch.enter(EDGE_LIMIT_MS, () => {
    const error = run.watch.ended ?? silent(what)
    run.watch.end(error)
    run.abandon(error)
  })
}

interface Opened<Tx> {
  readonly tx: Tx
  readonly verdicts: readonly InboxVerdict[]
  readonly run: Run
}

async function inTransaction<Tx>(
  parts: AttemptParts<Tx>,
  tasks: readonly Task<Tx>[],
  opened: Opened<Tx>,
): Promise<readonly InboxVerdict[]> {
  const { run, tx, verdicts } = opened
  const { watch } = run
  if (watch.ended !== null) throw watch.ended
  run.phase = 'handling'
  const limitMs = parts.handlerTimeoutMs
  watch.enter(limitMs, () => {
    watch.end(overdue(limitMs))
  })
  for (const [index, task] of tasks.entries()) {
    if (verdicts[index] === 'blocked') await untilEnded(run, () => task.wait(tx))
    if (verdicts[index] !== 'first') continue
    run.at = index
    await untilEnded(run, () => task.handle(tx, watch))
    throwIfEnded(watch)
  }
  run.phase = 'ending'
  limitEdge(run, 'commit a transaction')
  return verdicts
}

/** What the handler comes to, unless it is interrupted before. */
function untilEnded(run: Run, handle: () => Promise<void> | void): Promise<void> {
  return new Promise((resolve, reject) => {
    run.interrupt = reject
    Promise.resolve(handle()).then(resolve, reject)
  })
}

/** What work is told that begins although its transaction was given up. */
function neverBegun(cause: unknown): Error {
  return new Error('The transaction was given up before it had begun.', { cause })
}

/** A function, as the watch is ended while something is awaited. */
function throwIfEnded({ ended }: Watch): void {
  if (ended !== null) throw ended
}

function failureOf<Tx>(database: Database<Tx>, error: unknown, { phase, at }: Run): AttemptOutcome {
  if (error instanceof Stopped) return { kind: 'stopped' }
  if (error instanceof KeyIsFull) return { kind: 'busy', error }
  if (isWaybillError(error, 'WAYBILL_HANDLER_TIMEOUT')) return { kind: 'failed', error }
  const failure = isWaybillError(error, 'WAYBILL_DATABASE_UNAVAILABLE')
    ? 'infrastructure'
    : database.classify(error)
  if (phase === 'beginning' && failure === 'transient') return { kind: 'busy', error }
  // Before a handler has begun no failure can be a message's fault, such as a missing table or permission.
  if (at === null || failure === 'infrastructure') return { kind: 'infrastructure', error, suspect: at }
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
