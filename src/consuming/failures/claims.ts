import type { Turns } from '../../lifecycle/turns.ts'
import type { ClaimedFailure, ClaimRequest, FailureInstance, FailureStore } from './failure-store.ts'

/** What this instance has claimed, as far as it knows; the database may know of more, when an answer was lost. */
export interface Claims {
  /** Nothing when nothing is to begin any more: what was claimed until then is given up. Rejects as the store does. */
  claim(kind: ClaimRequest['kind'], atMost: number): Promise<readonly ClaimedFailure[]>
  /** It was claimed with the end of another one, and is tried at once. */
  add(claimed: ClaimedFailure): void
  /** It is not tried any more. */
  end(claimed: ClaimedFailure): void
  has(claimed: ClaimedFailure): boolean
  /** Something may be claimed that nobody tries. */
  readonly doubt: () => void
  readonly areDoubtful: boolean
  /** In doubt, gives up all that is not tried. Rejects as the store does, and the doubt stays. */
  clear(): Promise<void>
}

export interface ClaimsParts<Tx> {
  readonly store: Pick<FailureStore<Tx>, 'claim' | 'disown'>
  readonly by: FailureInstance
  /** What is being claimed is not known to be tried yet, and must not be given up. */
  readonly turns: Turns
  /** Whether nothing more is to begin. */
  readonly isStopped: () => boolean
}

export function createClaims<Tx>({ store, by, turns, isStopped }: ClaimsParts<Tx>): Claims {
  const tried = new Set<ClaimedFailure>()
  const self = { doubtful: false }
  const orDoubt = async <Result>(work: Promise<Result>): Promise<Result> => {
    try {
      return await work
    } catch (error) {
      self.doubtful = true
      throw error
    }
  }
  return {
    claim: (kind, atMost) =>
      turns.take(async () => {
        if (isStopped()) return []
        // When it fails, only the answer may have been lost.
        const claims = await orDoubt(store.claim({ by, kind, atMost }))
        if (isStopped()) {
          if (claims.length > 0) self.doubtful = true
          return []
        }
        for (const claimed of claims) tried.add(claimed)
        return claims
      }),
    add: (claimed) => void tried.add(claimed),
    end: (claimed) => void tried.delete(claimed),
    has: (claimed) => tried.has(claimed),
    doubt() {
      self.doubtful = true
    },
    get areDoubtful() {
      return self.doubtful
    },
    clear: () =>
      turns.take(async () => {
        if (!self.doubtful) return
        // What is doubted from now on is for the next time.
        self.doubtful = false
        const ids = [...tried].map(({ failureId }) => failureId)
        await orDoubt(store.disown(by, ids))
      }),
  }
}
