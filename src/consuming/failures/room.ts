/** How many kept messages run at a time, so that deliveries keep places too. */
export interface Room {
  /** How many more may begin. */
  readonly free: () => number
  readonly enter: () => Guest
  readonly running: number
}

/** Runs a kept message, and perhaps others after it. */
export interface Guest {
  /** What had failed was handled: from now on it is those that wait behind it. */
  readonly catchUp: () => void
  leave(): void
}

/**
 * What has failed may take long each time, so that half of the places is left to deliveries. Keys that catch up leave one: they
 * do so only if more of them is handled than comes to wait.
 */
export function createRoom(concurrency: number): Room {
  const most = Math.ceil(concurrency / 2)
  const mostInAll = Math.max(1, concurrency - 1)
  const all = new Set<Guest>()
  const catchingUp = new Set<Guest>()
  return {
    free: () => Math.min(most - (all.size - catchingUp.size), mostInAll - all.size),
    enter() {
      const guest: Guest = {
        catchUp: () => void catchingUp.add(guest),
        leave() {
          catchingUp.delete(guest)
          all.delete(guest)
        },
      }
      all.add(guest)
      return guest
    },
    get running() {
      return all.size
    },
  }
}
