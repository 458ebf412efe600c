import { ok, warning, type Check } from '../check.ts'
import type { TrafficFacts } from '../facts.ts'

/** Transactions; a standby that answers queries holds back some thousands all the time. */
const HELD_BACK = 1_000_000

export const replicationSlots: Check<TrafficFacts> = {
  code: 'REPLICATION_SLOTS',
  wanted: 'Replication slots that are read, and that hold back less than a million transactions.',
  remedy:
    'Drop what nobody reads any more: it keeps dead rows and the write-ahead log until the disk is full.',
  worst: 'warning',
  look: ({ slots }) => {
    const found = slots.flatMap(({ name, active, heldBack }) => [
      ...(active ? [] : [warning(`Slot "${name}" is not read by anybody.`)]),
      ...(heldBack < HELD_BACK ? [] : [warning(`Slot "${name}" holds back ${heldBack} transactions.`)]),
    ])
    return found.length > 0 ? found : ok(`There are ${slots.length}, and none is left behind.`)
  },
}
