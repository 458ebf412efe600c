/** A lane that is about to be searched. */
export interface LaneNeed {
  /** Whether its last page was cut, so that more is known to be there. */
  readonly busy: boolean
}

export interface LaneShare {
  readonly maxRecords: number
  readonly maxBytes: number
}

const LEAST_RECORDS = 16
const LEAST_BYTES = 65_536

/**
 * Splits what one fetch may bring among the lanes. Lanes that are known to hold more share nearly all of it,
 * so that one busy lane alone gets about the whole batch; the others get enough to show that they are busy.
 */
export function shares(needs: readonly LaneNeed[], total: LaneShare): LaneShare[] {
  const busy = needs.filter((need) => need.busy).length
  const least = { maxRecords: Math.min(LEAST_RECORDS, total.maxRecords), maxBytes: LEAST_BYTES }
  if (busy === 0 || busy === needs.length) {
    const even = part(total, 1 / needs.length, least)
    return needs.map(() => even)
  }
  const idle = needs.length - busy
  const scout = part(total, 1 / (8 * needs.length), least)
  const rest = {
    maxRecords: total.maxRecords - idle * scout.maxRecords,
    maxBytes: total.maxBytes - idle * scout.maxBytes,
  }
  const worker = part(rest, 1 / busy, least)
  return needs.map((need) => (need.busy ? worker : scout))
}

function part(total: LaneShare, fraction: number, least: LaneShare): LaneShare {
  return {
    maxRecords: Math.max(least.maxRecords, Math.floor(total.maxRecords * fraction)),
    maxBytes: Math.max(least.maxBytes, Math.floor(total.maxBytes * fraction)),
  }
}
