import type { IdDigest, NotedDigest, RememberedDigest, WaitingState } from './conservation-store.ts'

const NOTHING: IdDigest = { count: 0, sum: 0n }

const plus = (one: IdDigest, other: IdDigest): IdDigest => ({
  count: one.count + other.count,
  sum: one.sum + other.sum,
})

/** The digest of each minute. */
function byMinute(
  digests: readonly (IdDigest & { readonly minute: number })[],
): ReadonlyMap<number, IdDigest> {
  const sums = new Map<number, IdDigest>()
  for (const one of digests) sums.set(one.minute, plus(sums.get(one.minute) ?? NOTHING, one))
  return sums
}

/** The minutes in which the two sides differ, and those with ids that tell no minute, in order. */
export function minutesToLookAt(
  noted: readonly NotedDigest[],
  remembered: readonly RememberedDigest[],
): readonly number[] {
  const gone = noted.filter(({ state }) => state === null)
  const left = byMinute(gone.filter(({ stray }) => !stray))
  const right = byMinute(remembered)
  const minutes = new Set([...left.keys(), ...right.keys()])
  const differing = [...minutes].filter((minute) => {
    const [one, other] = [left.get(minute) ?? NOTHING, right.get(minute) ?? NOTHING]
    return one.count !== other.count || one.sum !== other.sum
  })
  const strays = gone.filter(({ stray }) => stray).map(({ minute }) => minute)
  return [...new Set([...differing, ...strays])].sort((a, b) => a - b)
}

/** How many are kept where they were written, by state. */
export function waitingOf(noted: readonly NotedDigest[]): Record<WaitingState, number> {
  const counts = { outbox: 0, retry: 0, dead: 0, discarded: 0 }
  for (const { state, count } of noted) if (state !== null) counts[state] += count
  return counts
}

export function expectedOf(noted: readonly NotedDigest[]): number {
  return noted.reduce((sum, { state, count }) => (state === null ? sum + count : sum), 0)
}
