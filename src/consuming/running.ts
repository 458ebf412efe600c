/** What runs now. */
export interface Running<Work> {
  readonly size: number
  begin(works: readonly Work[]): void
  end(works: readonly Work[]): void
  /** Resolves when nothing runs, or nothing that is wanted. */
  idle(isWanted?: (work: Work) => boolean): Promise<void>
}

export function createRunning<Work>(): Running<Work> {
  const running = new Set<Work>()
  const lookers = new Set<() => void>()
  return {
    get size() {
      return running.size
    },
    begin(works) {
      for (const work of works) running.add(work)
    },
    end(works) {
      for (const work of works) running.delete(work)
      for (const look of lookers) look()
    },
    idle: (isWanted = () => true) =>
      new Promise((resolve) => {
        const look = (): void => {
          for (const work of running) if (isWanted(work)) return
          lookers.delete(look)
          resolve()
        }
        lookers.add(look)
        look()
      }),
  }
}
