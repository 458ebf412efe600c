import { createHash } from 'node:crypto'
import { WaybillError, isWaybillError } from '../errors.ts'
import { checkIntent } from './checks.ts'
import type { Changes, DeadLetterStore } from './dead-letter-store.ts'
import type { Intent } from './intent.ts'
import type { AdminMoments, Telemetry } from '../telemetry/telemetry.ts'
import type { TraceHeaders } from '../telemetry/tracing.ts'

/** Where changes are made, and who is told of them. */
export interface ChangeParts {
  readonly store: DeadLetterStore
  readonly telemetry: AdminMoments & Pick<Telemetry, 'tracing'>
}

/** A change as it is audited, and told from others that come with the same idempotency key. */
export interface Wanted {
  readonly action: string
  readonly target: string
  readonly intent: Intent
  /** All that makes it this change and no other. */
  readonly about: readonly unknown[]
}

/** What was done: to what, and what else is worth noting. */
export interface Done {
  /** What it was done to, when that is not the target: what was made by it. */
  readonly answer: string
  readonly details?: Readonly<Record<string, unknown>>
  /** Tells what came of it, once it is committed. */
  readonly tell?: (telemetry: AdminMoments) => void
  /** What the message carries that it was done with. */
  readonly message?: TraceHeaders | undefined
}

/**
 * Makes a change in one transaction with the note of it. A change that is refused is rolled back, and noted on its own.
 * @returns what it was done to; as before when it was asked for before with the same key.
 */
export async function makeChange(
  parts: ChangeParts,
  wanted: Wanted,
  work: (changes: Changes) => Promise<Done>,
): Promise<string> {
  checkIntent(wanted.intent)
  const operating = parts.telemetry.tracing?.operate(wanted.action, wanted.target) ?? null
  if (operating === null) return (await changeOnce(parts, wanted, work)).answer
  try {
    const { answer, message = null } = await operating.run(() => changeOnce(parts, wanted, work))
    operating.end(undefined, message)
    return answer
  } catch (error) {
    operating.end(error, null)
    throw error
  }
}

async function changeOnce(
  { store, telemetry }: ChangeParts,
  wanted: Wanted,
  work: (changes: Changes) => Promise<Done>,
): Promise<Pick<Done, 'answer' | 'message'>> {
  const { action, target, intent } = wanted
  const { by, reason = null } = intent
  try {
    const done = await store.change(async (changes) => {
      const before = await askedBefore(changes, wanted)
      if (before !== null) return { answer: before, isNew: false }
      const { answer, details = {}, tell, message } = await work(changes)
      await changes.note([{ by, action, target, outcome: 'done', reason, details }])
      if (intent.idempotencyKey !== undefined) await changes.answer(by, intent.idempotencyKey, answer)
      return { answer, isNew: true, tell, message }
    })
    if (done.isNew) telemetry.action?.(action, 'ok')
    done.tell?.(telemetry)
    return done
  } catch (error) {
    if (!isRefusal(error)) {
      telemetry.action?.(action, 'error')
      throw error
    }
    telemetry.action?.(action, 'conflict')
    const details = { code: error.code, ...error.details }
    await store.change((changes) =>
      changes.note([{ by, action, target, outcome: 'refused', reason, details }]),
    )
    throw error
  }
}

/** Whether it cannot be done as things are; with other errors the database has failed. */
function isRefusal(error: unknown): error is WaybillError {
  return isWaybillError(error) && !/^WAYBILL_(SCHEMA_|DATABASE_)/.test(error.code)
}

async function askedBefore(
  changes: Changes,
  { action, target, intent, about }: Wanted,
): Promise<string | null> {
  const { by, idempotencyKey: key } = intent
  if (key === undefined) return null
  const before = await changes.recall(by, key, digest([action, target, intent.reason ?? null, ...about]))
  if (before === null) return null
  if ('answer' in before) return before.answer
  throw new WaybillError('WAYBILL_IDEMPOTENCY_MISMATCH', {
    problem: 'Something else was asked for with this idempotency key within the last 24 hours.',
    remedy: 'Make a new key for each thing that you ask for.',
  })
}

function digest(about: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(about)).digest('hex')
}
