/** What must not happen at the same time happens one after the other, in order. */
export interface Turns {
  /** What the work comes to, once its turn has come. */
  take<Result>(work: () => Promise<Result>): Promise<Result>
}

export function createTurns(): Turns {
  const self = { last: Promise.resolve() }
  return {
    take(work) {
      const turn = self.last.then(work)
      self.last = turn.then(nothing, nothing)
      return turn
    },
  }
}

const nothing = (): void => undefined
