/** What runs now. One whose batch has failed may run by itself before the run of its batch has ended. */
export interface Running<Work> {
  /** Each counts once. */
  readonly size: number
  begin(works: readonly Work[]): void
  end(works: readonly Work[]): void
  /** Resolves when nothing runs, or nothing that is wanted. */
  idle(isWanted?: (work: Work) => boolean): Promise<void>
}

export function createRunning<Work>(): Running<Work> {
  /** How many runs of each. */
  const running = new Map<Work, number>()
  const lookers = new Set<() => void>()
  return {
    get size() {
      return running.size
    },
    begin(works) {
      for (const work of works) running.set(work, (running.get(work) ?? 0) + 1)
    },
    end(works) {
      for (const work of works) {
        const others = (running.get(work) ?? 1) - 1
        if (others > 0) running.set(work, others)
        else running.delete(work)
      }
      for (const look of lookers) look()
    },
    idle: (isWanted = () => true) =>
      new Promise((resolve) => {
        const look = (): void => {
          for (const work of running.keys()) if (isWanted(work)) return
          lookers.delete(look)
          resolve()
        }
        lookers.add(look)
        look()
      }),
  }
}
