import type { ClaimedFailure, ClaimRequest, FailureInstance, FailureStore } from './failure-store.ts'

/** What this instance has claimed, as far as the database knows. */
export interface Claims {
  /** Rejects as the store does. */
  claim(kind: ClaimRequest['kind'], atMost: number): Promise<readonly ClaimedFailure[]>
  /** Something may be claimed that nobody tries. */
  readonly doubt: () => void
  readonly areDoubtful: boolean
  /** In doubt, gives up all but those of the failures that are tried. */
  clear(tried: readonly string[]): Promise<void>
}

export function createClaims<Tx>(
  store: Pick<FailureStore<Tx>, 'claim' | 'disown'>,
  by: FailureInstance,
): Claims {
  const self = { doubtful: false }
  return {
    async claim(kind, atMost) {
      try {
        return await store.claim({ by, kind, atMost })
      } catch (error) {
        // Only the answer may have been lost.
        self.doubtful = true
        throw error
      }
    },
    doubt() {
      self.doubtful = true
    },
    get areDoubtful() {
      return self.doubtful
    },
    async clear(tried) {
      if (!self.doubtful) return
      await store.disown(by, tried)
      self.doubtful = false
    },
  }
}
