/** A place that was lent: things run in it, one after the other, until it is given back. */
export interface Place<Work> {
  /** Resolves when the run has ended. */
  run(work: Work): Promise<void>
  /** Whether something else may begin in it now. */
  readonly isOpen: () => boolean
  readonly giveBack: () => void
}

/** How much runs at a time. */
export interface Places<Work> {
  readonly isFree: () => boolean
  take(): void
  readonly giveBack: () => void
  /** Lends a free place to whoever waits for one. @returns whether somebody did. */
  serve(): boolean
  /** Lends the next place that becomes free; null when the signal aborts first. */
  readonly lend: (signal: AbortSignal) => Promise<Place<Work> | null>
  /** Lends a place if one is free now. */
  readonly lendNow: () => Place<Work> | null
  readonly pause: () => void
  readonly resume: () => void
}

export interface PlacesParts<Work> {
  /** How many there are at the moment. */
  readonly count: () => number
  /** Runs it in a place that was lent. */
  readonly run: (work: Work) => Promise<void>
  /** Something may begin. */
  readonly onFree: () => void
}

export function createPlaces<Work>(parts: PlacesParts<Work>): Places<Work> {
  const state = { paused: false, taken: 0 }
  const borrowers = new Set<(place: Place<Work>) => void>()

  const isFree = (): boolean => !state.paused && state.taken < parts.count()
  const giveBack = (): void => {
    state.taken -= 1
    parts.onFree()
  }
  const lent = (): Place<Work> => {
    state.taken += 1
    return { run: parts.run, isOpen: () => !state.paused && state.taken <= parts.count(), giveBack }
  }
  return {
    isFree,
    giveBack,
    take() {
      state.taken += 1
    },
    serve() {
      const [borrower] = borrowers
      if (borrower === undefined) return false
      borrowers.delete(borrower)
      borrower(lent())
      return true
    },
    lend: (signal) =>
      new Promise((resolve) => {
        const onAbort = (): void => {
          borrowers.delete(borrower)
          resolve(null)
        }
        const borrower = (place: Place<Work>): void => {
          signal.removeEventListener('abort', onAbort)
          resolve(place)
        }
        if (signal.aborted) {
          resolve(null)
          return
        }
        signal.addEventListener('abort', onAbort, { once: true })
        borrowers.add(borrower)
        parts.onFree()
      }),
    lendNow: () => (isFree() && borrowers.size === 0 ? lent() : null),
    pause() {
      state.paused = true
    },
    resume() {
      state.paused = false
      parts.onFree()
    },
  }
}
