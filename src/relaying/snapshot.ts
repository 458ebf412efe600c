/** What one statement of PostgreSQL could see, by transaction ids. */
export interface Snapshot {
  readonly xmin: number
  readonly xmax: number
  /** Transactions in progress, in ascending order. */
  readonly inProgress: readonly number[]
}

/** Shows nothing: no transaction has an id below 3. */
export const EMPTY_SNAPSHOT = '1:1:'

/** Reads the text form of `pg_snapshot`: `xmin:xmax:xip,xip`. */
export function parseSnapshot(text: string): Snapshot {
  const [xmin, xmax, list] = text.split(':')
  const snapshot = {
    xmin: Number(xmin),
    xmax: Number(xmax),
    inProgress: list === undefined || list === '' ? [] : list.split(',').map(Number),
  }
  const numbers = [snapshot.xmin, snapshot.xmax, ...snapshot.inProgress]
  if (list === undefined || !numbers.every((value) => Number.isSafeInteger(value))) {
    throw new TypeError(`"${text}" is no snapshot.`)
  }
  return snapshot
}

/** Whether what the transaction `xid` wrote shows in `snapshot`, provided that it committed. */
export function visible(xid: number, snapshot: Snapshot): boolean {
  if (xid < snapshot.xmin) return true
  return xid < snapshot.xmax && !snapshot.inProgress.includes(xid)
}
