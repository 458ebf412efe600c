import type { Catalogue, Database } from '../src/index.ts'
import { observeDatabase } from './observe-database.ts'
import { decodeRecord, type MessageWritten } from './written-messages.ts'

/** A database that tells what was written through it. Made by {@link recordingDatabase}. */
export interface RecordingDatabase<Tx, C extends Catalogue> extends Database<Tx> {
  /** The messages of transactions that have committed since the last call, in the order of their commits. */
  takeWritten(): readonly MessageWritten<C>[]
}

/**
 * Wraps a database of any adapter, so that a test can tell which messages the service under test has written and
 * committed, also on a real server and whatever a relay has published meanwhile.
 *
 * Only transactions that are opened by `transaction` of the wrapped database are seen.
 *
 * @example
 * ```ts
 * const database = recordingDatabase(pgDatabase(pool), messages)
 * await database.transaction((tx) => placeOrder(tx, { orderId: 'o-1', total: 20 }))
 * expect(database.takeWritten()).toMatchObject([{ type: 'order.placed', key: 'o-1' }])
 * ```
 */
export function recordingDatabase<Tx, C extends Catalogue>(
  database: Database<Tx>,
  messages: C,
): RecordingDatabase<Tx, C> {
  const observed = observeDatabase(database)
  return {
    ...observed.database,
    takeWritten: () => observed.takeCommitted().map((record) => decodeRecord(record, messages)),
  }
}
