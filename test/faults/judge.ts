import type pg from 'pg'
import { check, checkEffects, type Verdict, type Violation } from '../fuzz/checker.ts'
import type { History } from '../fuzz/history.ts'
import { committed, effects, letters, type Effect, type Letter } from './truth.ts'

/** What a consumer promises beside that each effect happens once. */
export interface Judged {
  readonly name: string
  /** Messages of one key in the order in which they were committed. */
  readonly ordered: boolean
}

/**
 * Holds a whole run against the promises: what was committed, by the tables of the services; what arrived, by the tap; what
 * was handled, by the tables of the consumers; what was kept, by those of the product.
 */
export async function judge(pool: pg.Pool, history: History, consumers: readonly Judged[]): Promise<Verdict> {
  for (const message of await committed(pool)) history.written.set(message.messageId, message)
  const kept = await letters(pool)
  const ids = new Set([...kept.map(({ messageId }) => messageId), ...(await behindParked(pool))])
  const verdict = check(history, await left(pool), ids)
  const all = await effects(pool)
  const violations = [...verdict.violations, ...withoutReason(kept), ...strangers(history, all)]
  for (const { name, ordered } of consumers) {
    const own = all.filter(({ consumer }) => consumer === name)
    violations.push(...checkEffects(history, timesOf(own), ids))
    if (ordered) violations.push(...reordered(history, own))
  }
  return { ...verdict, violations }
}

/** Ids in the outbox that wait behind a dead one of their key. */
async function behindParked(pool: pg.Pool): Promise<string[]> {
  const { rows } = await pool.query<{ message_id: string }>(
    `select message_id from waybill.outbox
     where key in (select key from waybill.parked where state = 'dead' and key is not null)`,
  )
  return rows.map(({ message_id: id }) => id)
}

async function left(pool: pg.Pool): Promise<ReadonlySet<string>> {
  const { rows } = await pool.query<{ message_id: string }>(
    'select message_id from waybill.outbox union all select message_id from waybill.parked',
  )
  return new Set(rows.map(({ message_id: id }) => id))
}

function timesOf(own: readonly Effect[]): ReadonlyMap<string, number> {
  const times = new Map<string, number>()
  for (const { messageId } of own) times.set(messageId, (times.get(messageId) ?? 0) + 1)
  return times
}

function* withoutReason(kept: readonly Letter[]): Generator<Violation> {
  for (const { messageId, state, reason } of kept) {
    if (!reason) yield { property: 'kept-without-reason', detail: `${messageId}: ${state}` }
  }
}

/** What was rolled back is in no table but those of whoever believed it. */
function* strangers(history: History, all: readonly Effect[]): Generator<Violation> {
  for (const { consumer, messageId } of all) {
    if (history.written.has(messageId)) continue
    yield { property: 'effect-after-rollback', detail: `${messageId} at ${consumer}: never committed` }
  }
}

function* reordered(history: History, own: readonly Effect[]): Generator<Violation> {
  const latest = new Map<string, number>()
  for (const { messageId } of own) {
    const message = history.written.get(messageId)
    if (!message) continue
    const before = latest.get(message.key) ?? 0
    if (message.version < before) {
      const detail = `${message.key}: version ${message.version} (${messageId}) was handled after ${before}`
      yield { property: 'effect-reordered', detail }
    }
    latest.set(message.key, Math.max(before, message.version))
  }
}
