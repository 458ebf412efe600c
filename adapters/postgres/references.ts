import type { RecordReference, Settlement } from '../../src/ports.ts'
import type { SqlText } from './sql-executor.ts'

/** The parameters that name records: lanes, positions, message ids. */
export function references(records: readonly RecordReference[]): unknown[][] {
  return [
    records.map(({ lane }) => lane),
    records.map(({ position }) => position),
    records.map(({ messageId }) => messageId),
  ]
}

export function settlement(rows: readonly (readonly SqlText[])[]): Settlement {
  const [removed, xid, server] = rows[0] ?? []
  return { removed: Number(removed), xid: Number(xid), server: server ?? '' }
}
