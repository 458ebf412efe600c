import { EVERYTHING } from './bounds.ts'
import type { OutboxRecord } from './relay-store.ts'

/**
 * The search without hints of one lane, and what came of it.
 *
 * A record that the sweep sees, that was not in memory when the sweep looked, and that no hinted fetch sent
 * afterwards brings although it has reached that far, is one that the hints had missed.
 */
export interface LaneSweep {
  /** The last position looked at. */
  after: number
  state: 'looking' | 'judging'
  /** Seen by the sweep and not accounted for: message ids by position. */
  readonly candidates: Map<number, string>
  /** Fetched since the sweep began. */
  readonly fetched: Set<number>
}

export function createLaneSweep(): LaneSweep {
  return { after: 0, state: 'looking', candidates: new Map(), fetched: new Set() }
}

export interface SweptPage {
  readonly records: readonly OutboxRecord[]
  readonly cut: boolean
  /** Whether this record is accounted for: in memory when the sweep looked, gated or blocked. */
  isKnown(record: OutboxRecord): boolean
  /** Nothing above this position has been fetched yet, so looking further would find only backlog. */
  readonly highest: number
}

/** Takes in what a page of the sweep has brought. */
export function look(sweep: LaneSweep, page: SweptPage): void {
  for (const record of page.records) {
    if (!sweep.fetched.has(record.position) && !page.isKnown(record)) {
      sweep.candidates.set(record.position, record.messageId)
    }
  }
  const last = page.cut ? (page.records.at(-1)?.position ?? EVERYTHING) : EVERYTHING
  sweep.after = last
  if (last >= page.highest) sweep.state = 'judging'
}

/**
 * Compares with a hinted page, asked for after the sweep began to judge, that is complete up to `last`.
 * @returns what the hints had missed; the sweep is over when it has no candidates left.
 */
export function judge(sweep: LaneSweep, last: number): ReadonlyMap<number, string> {
  const missed = new Map<number, string>()
  for (const [position, messageId] of sweep.candidates) {
    if (sweep.fetched.has(position)) sweep.candidates.delete(position)
    else if (position <= last) {
      missed.set(position, messageId)
      sweep.candidates.delete(position)
    }
  }
  return missed
}
