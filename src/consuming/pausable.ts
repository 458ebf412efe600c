import type { Subscriber } from './subscriber.ts'

/** A subscription that an operator can have given up and taken again, whatever else opens and closes it. */
export interface PausableSubscriber extends Subscriber {
  /** Nothing more comes; what runs is finished, and then others may have what would have come. */
  readonly pause: () => void
  readonly resume: () => void
}

export interface PausableParts {
  readonly subscriber: Subscriber
  readonly isPaused: boolean
  /** Gives back what has not begun; resolves when nothing of the subscription runs. */
  readonly finish: () => Promise<void>
  /** Aborts when the consumer stops. */
  readonly signal: AbortSignal
}

export function createPausable({ subscriber, isPaused, finish, signal }: PausableParts): PausableSubscriber {
  /** `wanted`: all but an operator want it open. */
  const self = { paused: isPaused, wanted: false, last: Promise.resolve() }

  /** One after the other: what is being closed cannot be opened. */
  const next = (work: () => Promise<void>): void => {
    self.last = self.last.then(async () => {
      if (!signal.aborted) await work()
    })
  }
  return {
    get isConsuming() {
      return subscriber.isConsuming
    },
    async open() {
      self.wanted = true
      if (!self.paused) await subscriber.open()
    },
    async reopen(until) {
      self.wanted = true
      await self.last
      if (!self.paused) await subscriber.reopen(until)
    },
    stop: () => subscriber.stop(),
    close() {
      self.wanted = false
      return subscriber.close()
    },
    pause() {
      self.paused = true
      next(async () => {
        await subscriber.stop()
        await finish()
        if (self.wanted) await subscriber.close()
      })
    },
    resume() {
      self.paused = false
      next(async () => {
        if (self.wanted && !self.paused) await subscriber.reopen(signal)
      })
    },
  }
}
