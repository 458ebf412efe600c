import type { Lane } from './held.ts'
import type { LaneFloor } from './relay-store.ts'

/**
 * The floor of a lane, as it may be told: what waits in the lane stands there or behind, or was written by a transaction in progress
 * at its base. True once, it is true for good on the same server, whoever owns the lane and whatever comes of this relay.
 *
 * What was fetched is in memory until its row is removed, and lowers the floor if it is forgotten before. So the hints, which
 * have everything else fetched, raise it; unless something is passed over, of which the memory knows nothing, or the lane is
 * being given up, as its hints are not made anew then.
 */
export function floorOf(lane: Lane, passesOver: boolean): LaneFloor {
  const { base, low } = lane.hints
  if (!passesOver && !lane.leaving && low >= lane.floor.position - 1) lane.floor = { position: low + 1, base }
  let { position } = lane.floor
  for (const job of lane.held.values()) {
    if (job.parked === null) position = Math.min(position, job.position)
  }
  return { ...lane.floor, position }
}

/** A record is no longer in memory, and may still be in its place. */
export function lowerFloor(lane: Lane, position: number): void {
  if (position < lane.floor.position) lane.floor = { ...lane.floor, position }
}
