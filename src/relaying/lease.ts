export interface LeaseOptions {
  /** How long a renewal holds, by the database clock. */
  readonly leaseMs: number
  /** What this process allows for between its clock and the database's. */
  readonly marginMs: number
  /** How long before the end of the provable lease publishing stops, so that confirms can still come in. */
  readonly confirmTimeoutMs: number
  /** A process whose event loop stood still for longer than this proves its lease before it publishes again. */
  readonly stallMs: number
}

/**
 * What a relay can prove about its own lease, by its monotonic clock alone: a renewal that was sent at t0
 * and succeeded holds until t0 + lease, whatever time it took.
 */
export interface Lease {
  /** A registration or renewal that was sent at `sentAt` has succeeded. */
  granted(sentAt: number): void
  /** Nothing is proven any more, until the next grant. */
  lost(): void
  /** The event loop turns. To be called several times within `stallMs`. */
  beat(now: number): void
  /** Whether a message may be handed to the broker's socket now. */
  mayPublish(now: number): boolean
  /** Whether the lanes still belong to this relay beyond doubt. */
  proven(now: number): boolean
  /** Whether publishing waits for a renewal because the process stood still. */
  readonly stalled: boolean
}

export function createLease(options: LeaseOptions, startedAt: number): Lease {
  let provenUntil = -Infinity
  let lastBeat = startedAt
  let stalledAt: number | null = null

  const notice = (now: number): void => {
    if (now - lastBeat > options.stallMs) stalledAt = now
    if (now > lastBeat) lastBeat = now
  }
  return {
    granted(sentAt) {
      provenUntil = Math.max(provenUntil, sentAt + options.leaseMs - options.marginMs)
      if (stalledAt !== null && sentAt >= stalledAt) stalledAt = null
    },
    lost() {
      provenUntil = -Infinity
    },
    beat: notice,
    mayPublish(now) {
      if (now - lastBeat > options.stallMs) notice(now)
      return stalledAt === null && now < provenUntil - options.confirmTimeoutMs
    },
    proven: (now) => now < provenUntil,
    get stalled() {
      return stalledAt !== null
    },
  }
}
