import { isWaybillError, type Database } from '../../src/ports.ts'
import type { SeenTransaction } from './failpoint.ts'
import { databaseGone, type Instance, type Life } from './instance.ts'
import { member, overlay } from './overlay.ts'
import type { Taken } from './points.ts'

/** A transaction that was opened through the wrapped database. */
interface Open {
  readonly seen: SeenTransaction
  /** In which it was begun. */
  readonly life: Life
  /** Set before the commit: what happens right after it. */
  after: After | null
}

interface After {
  readonly name: 'crash-after-commit' | 'lost-commit-answer'
  readonly taken: Taken<'crash-after-commit' | 'lost-commit-answer'>
}

/** The database with failpoints where transactions end, and where its methods are called. */
export function faultyDatabase<Tx, Whole extends Database<Tx>>(
  whole: Whole & Database<Tx>,
  instance: Instance,
): Whole {
  const inner: Database<Tx> = whole
  const open = new Map<Tx, Open>()
  const changes: Partial<Database<Tx>> = {
    ...storesOf(inner, instance),
    ...transactionsOf(inner, instance, open),
    afterCommit(tx, callback) {
      const own = open.get(tx)
      return inner.afterCommit(tx, () => {
        if (own === undefined || own.after === null) callback()
      })
    },
    async ping() {
      await hinder(instance, 'ping')
      await inner.ping()
    },
    classify: (error) => (isOurs(error) ? 'infrastructure' : inner.classify(error)),
  }
  // Only members of the port are replaced, each by one of its own type.
  return overlay<Whole>(whole, changes as Partial<Whole>)
}

function storesOf<Tx>(inner: Database<Tx>, instance: Instance): Partial<Database<Tx>> {
  const { outbox, inbox, relay, partitions, deadLetters, conservation } = inner
  return {
    outbox: hindered(instance, 'outbox', { store: outbox, except: ['statement'] }),
    inbox: hindered(instance, 'inbox', { store: inbox }),
    relay: hindered(instance, 'relay', { store: relay }),
    partitions: hindered(instance, 'partitions', { store: partitions }),
    ...(deadLetters && { deadLetters: hindered(instance, 'deadLetters', { store: deadLetters }) }),
    ...(conservation && { conservation: hindered(instance, 'conservation', { store: conservation }) }),
  }
}

function transactionsOf<Tx>(
  inner: Database<Tx>,
  instance: Instance,
  open: Map<Tx, Open>,
): Pick<Database<Tx>, 'transaction' | 'handle' | 'failures'> {
  /** Runs a transaction of the inner database, whichever way it is begun. */
  const run = async <Result>(
    seen: SeenTransaction,
    begin: (wrap: <Value>(tx: Tx, work: () => Promise<Value>) => Promise<Value>) => Promise<Result>,
  ): Promise<Result> => {
    await hinder(instance, seen.call === 'retry' ? 'failures.retry' : seen.call)
    const self: Open = { seen, life: instance.life, after: null }
    const used: { tx?: Tx } = {}
    let result: Result
    try {
      result = await begin(async (tx, work) => {
        used.tx = tx
        open.set(tx, self)
        const value = await work()
        await beforeCommit(instance, self)
        return value
      })
    } catch (error) {
      self.after?.taken.giveBack()
      throw error
    } finally {
      if (used.tx !== undefined) open.delete(used.tx)
    }
    afterCommit(instance, self)
    return result
  }
  const failures = hindered(instance, 'failures', { store: inner.failures, except: ['retry'] })
  return {
    transaction: (work) =>
      run({ call: 'transaction', messageIds: [] }, (wrap) =>
        inner.transaction((tx) => wrap(tx, () => work(tx))),
      ),
    handle: (messages, work) =>
      run({ call: 'handle', messageIds: messages.map(({ messageId }) => messageId) }, (wrap) =>
        inner.handle(messages, (tx, verdicts) => wrap(tx, () => work(tx, verdicts))),
      ),
    failures: overlay(failures, {
      retry: (claimed, by, work) =>
        run({ call: 'retry', messageIds: [claimed.messageId] }, (wrap) =>
          inner.failures.retry(claimed, by, (tx) => wrap(tx, () => work(tx))),
        ),
    }),
  }
}

async function beforeCommit(instance: Instance, open: Open): Promise<void> {
  await hinder(instance, 'commit')
  if (open.life.over !== null) throw open.life.over
  const { points } = instance
  if (points.take('crash-before-commit', open.seen) !== null) throw instance.crash('crash-before-commit')
  for (const name of ['crash-after-commit', 'lost-commit-answer'] as const) {
    const taken = points.take(name, open.seen)
    if (taken === null) continue
    open.after = { name, taken }
    return
  }
}

function afterCommit(instance: Instance, { after, life }: Open): void {
  if (after?.name === 'crash-after-commit') throw instance.crash(after.name)
  if (after !== null) throw databaseGone(after.name, 'The answer to a commit was lost on purpose.')
  if (life.over !== null) throw life.over
}

/** The store with a failpoint before each of its methods, all of which are asynchronous but for the exceptions. */
function hindered<Store extends object>(
  instance: Instance,
  name: string,
  { store, except = [] }: { readonly store: Store; readonly except?: readonly string[] },
): Store {
  return new Proxy(
    { ...store },
    {
      get(_copy, method) {
        const value = member(store, method)
        if (typeof value !== 'function' || typeof method === 'symbol' || except.includes(method)) return value
        const call = value as (...parameters: readonly unknown[]) => unknown
        return (...parameters: readonly unknown[]) => {
          const hindrance = hinder(instance, `${name}.${method}`)
          return hindrance === null ? call(...parameters) : hindrance.then(() => call(...parameters))
        }
      },
      has: (_copy, method) => method in store,
    },
  )
}

/** @returns null when nothing is in the way, so that calls keep their order and their moment. */
function hinder(instance: Instance, call: string): Promise<void> | null {
  const { points } = instance
  if (!points.isArmed('slow-database') && !points.isArmed('database-unavailable')) return null
  return meet(instance, call)
}

async function meet({ points, clock }: Instance, call: string): Promise<void> {
  const slow = points.take('slow-database', { call })
  if (slow !== null) await clock.sleep(slow.options.byMs)
  if (points.take('database-unavailable', { call }) !== null) {
    throw databaseGone('database-unavailable', 'The database cannot be reached on purpose.')
  }
}

function isOurs(error: unknown): boolean {
  return isWaybillError(error, 'WAYBILL_DATABASE_UNAVAILABLE') && 'failpoint' in error.details
}
