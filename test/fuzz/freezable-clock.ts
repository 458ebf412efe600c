import { systemClock, type Clock } from '../../src/ports.ts'

/** Time of a process that can be stopped and continued, as SIGSTOP and SIGCONT do: clocks go on, timers wait. */
export interface FreezableClock extends Clock {
  setFrozen(frozen: boolean): void
  /** No timer fires any more. */
  kill(): void
}

export function createFreezableClock(): FreezableClock {
  let frozen = false
  let dead = false
  let held: (() => void)[] = []

  const after: Clock['after'] = (ms, callback) => {
    let cancelled = false
    const fire = (): void => {
      if (!cancelled && !dead) callback()
    }
    const cancel = systemClock.after(ms, () => {
      if (frozen) held.push(fire)
      else fire()
    })
    return () => {
      cancelled = true
      cancel()
    }
  }

  return {
    now: () => systemClock.now(),
    monotonic: () => systemClock.monotonic(),
    after,
    sleep: (ms, options) =>
      new Promise((resolve) => {
        const signal = options?.signal
        if (signal?.aborted) {
          resolve()
          return
        }
        const finish = (): void => {
          cancel()
          signal?.removeEventListener('abort', finish)
          resolve()
        }
        const cancel = after(ms, finish)
        signal?.addEventListener('abort', finish, { once: true })
      }),
    setFrozen(isFrozen) {
      frozen = isFrozen
      if (frozen) return
      const due = held
      held = []
      for (const fire of due) fire()
    },
    kill() {
      dead = true
    },
  }
}
