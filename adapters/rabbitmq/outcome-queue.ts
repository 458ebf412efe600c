import type { Logger, OutgoingMessage, PublisherListener, PublishOutcome } from '../../src/ports.ts'

/**
 * Tells outcomes in the order in which they became known, after what the process is doing now: never from inside
 * `publish`, nor from inside amqplib, where an error thrown by the listener would lose the confirms behind it.
 */
export interface OutcomeQueue {
  push(message: OutgoingMessage, outcome: PublishOutcome): void
  /** Tells at once what is waiting. */
  flush(): void
  /** Runs a call of the listener; what it throws is logged. */
  guard(call: () => void): void
}

export function createOutcomeQueue(listener: PublisherListener, logger: Logger): OutcomeQueue {
  const queue: { readonly message: OutgoingMessage; readonly outcome: PublishOutcome }[] = []
  let head = 0
  let scheduled = false

  const guard = (call: () => void): void => {
    try {
      call()
    } catch (error) {
      logger.error({ err: error }, 'The listener of a publisher threw an error.')
    }
  }
  const flush = (): void => {
    scheduled = false
    // What the listener publishes in answer waits for the next round. A listener may make us flush again (by a reset):
    // then that inner round tells the rest of this one too.
    const end = queue.length
    while (head < end) {
      const next = queue[head]
      head += 1
      if (next !== undefined)
        guard(() => {
          listener.onOutcome(next.message, next.outcome)
        })
      if (head === queue.length) {
        queue.length = 0
        head = 0
        return
      }
    }
  }
  return {
    push: (message, outcome) => {
      queue.push({ message, outcome })
      if (scheduled) return
      scheduled = true
      queueMicrotask(flush)
    },
    flush,
    guard,
  }
}
