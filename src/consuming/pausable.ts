import { createTurns } from '../lifecycle/turns.ts'
import type { Subscriber } from './subscriber.ts'

/** A subscription that an operator can have given up and taken again, whatever else opens and closes it. */
export interface PausableSubscriber extends Subscriber {
  /** Keeps trying to open until it works, the signal aborts, or it is not to be open: then another call opens it. */
  reopen(signal: AbortSignal): Promise<void>
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
  const self = {
    paused: isPaused,
    /** All but an operator want it open. */
    wanted: false,
    /** It is open, or keeps trying. */
    taken: false,
    /** Ends the trying; null when nothing is tried. */
    opening: null as AbortController | null,
  }
  /** What is being closed or opened cannot be opened. */
  const turns = createTurns()
  const next = (work: () => Promise<void>): Promise<void> =>
    turns.take(async () => {
      if (!signal.aborted) await work()
    })
  const take = async (until: AbortSignal): Promise<void> => {
    if (!self.wanted || self.paused || self.taken) return
    const opening = new AbortController()
    self.taken = true
    self.opening = opening
    await subscriber.reopen(AbortSignal.any([until, opening.signal])).finally(() => {
      self.opening = null
    })
  }
  /** At once, also in the middle of an opening: without a broker that may go on for as long as it is away. */
  const giveUp = (): Promise<void> => {
    self.taken = false
    self.opening?.abort()
    return subscriber.close()
  }
  return {
    get isConsuming() {
      return subscriber.isConsuming
    },
    async open() {
      self.wanted = true
      if (self.paused) return
      self.taken = true
      await subscriber.open()
    },
    reopen(until) {
      self.wanted = true
      return next(() => take(until))
    },
    stop: () => subscriber.stop(),
    close() {
      self.wanted = false
      return giveUp()
    },
    pause() {
      self.paused = true
      const given = self.opening === null ? null : giveUp()
      void next(async () => {
        await given
        await subscriber.stop()
        await finish()
        if (self.wanted) await giveUp()
      })
    },
    resume() {
      self.paused = false
      void next(() => take(signal))
    },
  }
}
