import type { LaneFloor, LanePage, Ring, Settlement } from './relay-store.ts'
import { EMPTY_SNAPSHOT, parseSnapshot, visible } from './snapshot.ts'

/**
 * Where one lane is to be searched: every record is to be looked at that
 *
 *     (id > low AND NOT (id <= pos AND visible(xid, base)))  OR  (id <= low AND xid in progress at base)
 *
 * Invariant: any other record of the lane has been fetched since these hints were made, or cannot exist.
 * The object is its own generation: {@link hintsFrom} makes another one whenever something that was
 * fetched is forgotten, and a page asked for with the old one is not applied to the new one.
 */
export interface LaneHints {
  base: string
  low: number
  pos: number
}

/** Stands for "to the end" in {@link LaneHints.pos}. */
export const EVERYTHING: number = Number.MAX_SAFE_INTEGER

/** Before which there is nothing. */
export const NO_FLOOR: LaneFloor = { position: 1, base: EMPTY_SNAPSHOT }

/** Hints that hide nothing of what may be there: the next pages bring it. */
export function hintsFrom({ position, base }: LaneFloor): LaneHints {
  return { base, low: position - 1, pos: position - 1 }
}

/** The position up to which `page` is complete. Null when it is cut before its first record: it says nothing. */
export function lastOf(page: LanePage): number | null {
  return page.cut ? (page.records.at(-1)?.position ?? null) : EVERYTHING
}

/**
 * Moves the hints on after a page, read with `snapshot`, that is complete up to `last`.
 *
 * `low` must not exceed `last`: only the last snapshot's transactions in progress are remembered, so records
 * above a cut page that were in progress before have to stay findable by their position.
 */
export function advance(hints: LaneHints, page: { snapshot: string; last: number; mark: number }): void {
  hints.base = page.snapshot
  hints.pos = page.last
  hints.low = Math.min(page.mark, page.last)
}

/**
 * The safe lower bound for a snapshot, from pairs (value of the position sequence, transaction of ours).
 *
 * A pair is made by reading the sequence first, then committing a write of ours. In a snapshot that shows
 * this write, a transaction at or above its xmax got its id after ours, hence after the sequence was read,
 * and takes its positions later still: they are above the value read. Taking the value from the snapshot's
 * own statement instead would be wrong: such a transaction may have taken a lower one before.
 */
export interface Marks {
  /**
   * Takes note of what a fetch has read. @returns false when it was read elsewhere (another server, or one that was
   * started anew) or earlier in time (a failover that lost commits, a sequence set back): everything known is void.
   */
  observe(read: Ring): boolean
  /** Which server was read last; null when nothing is known. */
  readonly server: string | null
  /**
   * Begins where another relay has come to on a server. @returns whether it is the same as that which is known, or could be;
   * {@link observe} tells.
   */
  adopt(server: string, mark: number): boolean
  /** The last value read; hand it to {@link remember} with the write that was sent after it. */
  readonly reading: Reading
  /** @param before what was read before the write that has now committed was sent. */
  remember(before: Reading, write: Pick<Settlement, 'server' | 'xid'>): void
  /** The bound for pages that were read with `snapshot`; 0 when nothing is known. */
  markOf(snapshot: string): number
  /** Forgets all, as after a lost connection. */
  clear(): void
}

/** A value of the sequence, good for nothing once everything was forgotten. */
export interface Reading {
  readonly sequence: number
  readonly life: number
  /** Of which it is; null when nothing was read. */
  readonly server: string | null
}

interface Pair {
  readonly sequence: number
  readonly xid: number
}

const MOST_PAIRS = 64

export function createMarks(): Marks {
  let life = 0
  let server: string | null = null
  let shown = 0
  let pending: Pair[] = []
  let sequence = 0
  let xmax = 0

  const clear = (): void => {
    life += 1
    shown = 0
    pending = []
    sequence = 0
    xmax = 0
  }
  return {
    get reading() {
      return { sequence, life, server }
    },
    get server() {
      return server
    },
    adopt(from, mark) {
      if (server !== null && server !== from) return false
      server = from
      shown = Math.max(shown, mark)
      // A sequence that is below was set back.
      sequence = Math.max(sequence, mark)
      return true
    },
    observe(read) {
      const snapshot = parseSnapshot(read.snapshot)
      const isElsewhere = server !== null && read.server !== server
      const isVoid = isElsewhere || read.sequence < sequence || snapshot.xmax < xmax
      if (isVoid) clear()
      server = read.server
      sequence = read.sequence
      xmax = snapshot.xmax
      return !isVoid
    },
    remember(before, write) {
      // A write on another server, or after a value of another life, bounds nothing here.
      if (before.life !== life || write.server !== server || before.sequence <= shown) return
      pending.push({ sequence: before.sequence, xid: write.xid })
      // Leaving the oldest out only makes the bound lower than it could be.
      if (pending.length > MOST_PAIRS) pending.shift()
    },
    markOf(text) {
      if (pending.length === 0) return shown
      const snapshot = parseSnapshot(text)
      // Later snapshots of the same server show what this one shows.
      pending = pending.filter((pair) => {
        if (!visible(pair.xid, snapshot)) return true
        shown = Math.max(shown, pair.sequence)
        return false
      })
      return shown
    },
    clear,
  }
}
