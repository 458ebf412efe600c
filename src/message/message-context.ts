import { AsyncLocalStorage } from 'node:async_hooks'
import type { Envelope } from './envelope.ts'

const handled = new AsyncLocalStorage<Envelope>()

/**
 * Runs `work` as the handling of `envelope`: what an outbox writes meanwhile, also after awaits, names it as its cause and
 * carries on its conversation.
 */
export function runWithMessage<Result>(envelope: Envelope, work: () => Result): Result {
  return handled.run(envelope, work)
}

/** The message that is being handled, if any. */
export function currentMessage(): Envelope | undefined {
  return handled.getStore()
}
