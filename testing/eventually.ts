import { systemClock } from '../src/ports.ts'

/** How long {@link eventually} waits. */
export interface EventuallyOptions {
  /** How long to try, in milliseconds. @defaultValue `15_000` */
  readonly timeoutMs?: number
  /** The pause between two tries, in milliseconds. @defaultValue `20` */
  readonly everyMs?: number
}

/** What a check says when it is satisfied. */
export type Fact<T> = Exclude<Awaited<T>, false | undefined>

/**
 * Waits for a fact: calls `check` until it neither throws nor returns false or undefined, and resolves with what
 * it returned. A `check` that never settles counts as a failure at the deadline.
 *
 * @throws Error at the deadline; its `cause` is the last failure.
 *
 * @example
 * ```ts
 * const database = memoryDatabase()
 * const invoice = await eventually(() => database.rows('invoices')[0])
 * ```
 */
export async function eventually<T>(check: () => T, options: EventuallyOptions = {}): Promise<Fact<T>> {
  const { timeoutMs = 15_000, everyMs = 20 } = options
  const deadline = systemClock.monotonic() + timeoutMs
  let last: unknown = new Error('The first try never settled.')
  for (;;) {
    const attempt = await settleBefore(deadline, check)
    if (attempt.kind === 'held') return attempt.value as Fact<T>
    if (attempt.kind === 'failed') last = attempt.error
    if (attempt.kind === 'hung' || systemClock.monotonic() + everyMs > deadline) {
      throw new Error(`Nothing came of it within ${timeoutMs} ms: ${reason(last)}`, { cause: last })
    }
    await systemClock.sleep(everyMs)
  }
}

type Attempt =
  | { readonly kind: 'held'; readonly value: unknown }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'hung' }

async function settleBefore(deadline: number, check: () => unknown): Promise<Attempt> {
  const settled = new AbortController()
  const leftMs = Math.max(deadline - systemClock.monotonic(), 1)
  const timeout = systemClock.sleep(leftMs, settled).then((): Attempt => ({ kind: 'hung' }))
  const attempt = await Promise.race([tryOnce(check), timeout])
  settled.abort()
  return attempt
}

async function tryOnce(check: () => unknown): Promise<Attempt> {
  try {
    const value = await check()
    if (value !== false && value !== undefined) return { kind: 'held', value }
    return { kind: 'failed', error: new Error(`The check returned ${String(value)}.`) }
  } catch (error) {
    return { kind: 'failed', error }
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
