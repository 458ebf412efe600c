import type { BulkInHand, BulkNext, ChosenItem, NotedItem } from './bulk-store.ts'
import type { AdminMoments } from '../telemetry/telemetry.ts'
import type { ChangeParts } from './change.ts'
import type { Changes, NewAuditEvent } from './dead-letter-store.ts'
import { bulkId, letterId } from './letter-id.ts'
import { auditedAs, refusal } from './rules.ts'

/** How long a bit of work is, so that one is short and its rate is even. */
const BIT_MS = 200
const MOST_IN_A_BIT = 200
const LOOK_MS = 1000
/** What waits for its outcome is looked through in about a second's share of time. */
const LOOK_MS_EACH = 0.1
/** Consumers that are stopped let messages wait for ever. */
const WATCH_AT_MOST_MS = 60_000

/**
 * Does the next bit of one that is due, in one transaction: what was chosen is done, noted and audited together, or not at
 * all when the process dies in between. The lock of the row keeps others out, its time keeps the rate.
 */
export async function workOnBulk({ store, telemetry }: ChangeParts): Promise<number | null> {
  const bit = await store.change((changes) => doBit(changes))
  if (bit.bulk !== null) tellBit(bit.bulk, bit, telemetry)
  return bit.restMs
}

/** What a committed bit has come to. */
interface Bit {
  readonly restMs: number | null
  readonly bulk: BulkInHand | null
  readonly next: BulkNext
  readonly items: DoneItems
}

async function doBit(changes: Changes): Promise<Bit> {
  const bulk = await changes.takeDue()
  if (bulk === null) return { restMs: await changes.nextDueMs(), bulk, next: {}, items: NO_ITEMS }
  const seen = bulk.lookDue ? await look(changes, bulk) : null
  const now = seen === null ? bulk : { ...bulk, ...seen.counts }
  const { next, items } =
    bulk.state === 'watching' ? { next: watch(seen), items: NO_ITEMS } : await goOn(changes, now)
  await changes.leave(bulk.number, { ...next, ...(seen !== null && { lookInMs: seen.againInMs }) })
  const restMs = next.state === undefined || next.state === 'watching' ? (next.dueInMs ?? 0) : 0
  return { restMs, bulk, next, items }
}

function tellBit({ action }: BulkInHand, { next, items }: Bit, telemetry: AdminMoments): void {
  for (let n = 0; n < items.done; n += 1) telemetry.action?.(auditedAs(action), 'ok')
  for (let n = 0; n < items.refused; n += 1) telemetry.action?.(auditedAs(action), 'conflict')
  if (items.done > 0) telemetry.resolved?.(action === 'replay' ? 'replayed' : 'discarded', items.done)
  if (next.state === 'finished') telemetry.bulkEnded?.(action, 'finished')
}

interface DoneItems {
  readonly done: number
  readonly refused: number
}

const NO_ITEMS: DoneItems = { done: 0, refused: 0 }

interface Seen {
  readonly counts: { readonly succeeded: number; readonly failedAgain: number }
  readonly open: number
  readonly againInMs: number
}

async function look(changes: Changes, { number }: BulkInHand): Promise<Seen> {
  const { open, ...counts } = await changes.look(number)
  return { counts, open, againInMs: Math.max(LOOK_MS, open * LOOK_MS_EACH) }
}

function watch(seen: Seen | null): BulkNext {
  if (seen === null) return { dueInMs: LOOK_MS }
  return seen.open === 0 ? { state: 'finished' } : { dueInMs: Math.min(seen.againInMs, WATCH_AT_MOST_MS) }
}

/** What is to be done next with one that runs. */
async function goOn(
  changes: Changes,
  bulk: BulkInHand,
): Promise<{ readonly next: BulkNext; readonly items: DoneItems }> {
  const before = waitBefore(bulk)
  if (before !== null) return { next: before, items: NO_ITEMS }
  const { number, canary, rate } = bulk
  const begun = bulk.done + bulk.skipped
  const isCanaryOut = canary > 0 && begun >= canary
  const bit = Math.min(MOST_IN_A_BIT, Math.max(1, Math.floor((rate * BIT_MS) / 1000)))
  const atMost = canary > 0 && !isCanaryOut ? Math.min(bit, canary - begun) : bit
  const chosen = await changes.nextItems(number, atMost)
  const items = chosen.length > 0 ? await doItems(changes, bulk, chosen) : NO_ITEMS
  const rest = { dueInMs: (chosen.length * 1000) / rate, ...(isCanaryOut && { canary: 0 }) }
  if (chosen.length === atMost) return { next: rest, items }
  return { next: bulk.action === 'replay' ? { state: 'watching', dueInMs: 0 } : { state: 'finished' }, items }
}

/** Why nothing is to be done now; null: it is. */
function waitBefore({ canary, failedAgain, forgiven, stopAfter, ...bulk }: BulkInHand): BulkNext | null {
  if (failedAgain - forgiven >= stopAfter)
    return paused(`${String(failedAgain - forgiven)} have failed again.`)
  const isCanaryOut = canary > 0 && bulk.done + bulk.skipped >= canary
  if (isCanaryOut && failedAgain > forgiven) return paused('One of its canary has failed again.')
  if (isCanaryOut && bulk.succeeded + failedAgain < bulk.done) return { dueInMs: LOOK_MS }
  return null
}

function paused(pauseReason: string): BulkNext {
  return { state: 'paused', pauseReason }
}

async function doItems(changes: Changes, bulk: BulkInHand, items: readonly ChosenItem[]): Promise<DoneItems> {
  const { action, confirm } = bulk
  const locked = new Map(
    (
      await changes.lock(
        items.map(({ ref }) => ref),
        'dead',
      )
    ).map((letter) => [letter.id, letter]),
  )
  const judged = items.map((item) => {
    const letter = locked.get(letterId(item.ref))
    if (letter === undefined) return { item, problem: 'It is no longer dead.' }
    const problem = refusal(action, letter, { revision: item.revision, confirm })
    return { item, problem: problem === null ? null : problem.message }
  })
  const refs = judged.filter(({ problem }) => problem === null).map(({ item }) => item.ref)
  if (refs.length > 0) await changes[action](refs)
  await changes.noteItems(
    bulk.number,
    judged.map(({ item: { place }, problem }): NotedItem => {
      if (problem !== null) return { place, outcome: 'skipped', detail: problem }
      return { place, outcome: action === 'replay' ? 'done' : 'succeeded', detail: null }
    }),
  )
  await changes.note(judged.map(({ item, problem }) => event(bulk, item, problem)))
  return { done: refs.length, refused: items.length - refs.length }
}

function event(bulk: BulkInHand, item: ChosenItem, problem: string | null): NewAuditEvent {
  const { by, action, reason, number } = bulk
  const details = { bulk: bulkId(number), revision: item.revision, ...(problem !== null && { problem }) }
  const outcome = problem === null ? 'done' : 'refused'
  return { by, action: auditedAs(action), target: letterId(item.ref), outcome, reason, details }
}
