/** A message ready to be appended: validated, encoded and routed. */
export interface NewRecord {
  readonly messageId: string
  readonly type: string
  readonly version: number
  readonly source: string
  readonly key: string | null
  /** Fixed by the key: {@link laneOf}. */
  readonly lane: number
  readonly exchange: string
  readonly routingKey: string
  /** JSON object of strings: application headers, tracing, and the reserved ones of `message/headers.ts`. */
  readonly headers: string
  readonly contentType: string
  readonly payload: Buffer
}

/** A message that is to be published later. */
export interface ScheduledRecord extends NewRecord {
  /** Milliseconds since 1970: compared with the clock of the database. */
  readonly deliverAt: number
}

/** SQL for the user to run inside their own transaction. */
export interface SqlStatement {
  readonly text: string
  readonly values: readonly unknown[]
}

export interface NotingOptions {
  /** Notes the records in the history too, when they come into the outbox. Default false. */
  readonly history?: boolean
}

export interface AppendOptions extends NotingOptions {
  /**
   * Locks the keys of the records until the transaction ends, in an order that is the same for all writers, before the first
   * record takes its position: so writers of one key take positions in the order in which they commit. Default false.
   */
  readonly lockKeys?: boolean
}

/**
 * Port: where messages are written, inside the caller's transaction.
 *
 * `Tx` is the caller's own type of an open transaction. The store never begins, commits or rolls back.
 */
export interface OutboxStore<Tx> {
  /**
   * Appends all records in one statement, in the given order.
   * @throws WaybillError WAYBILL_NOT_A_TRANSACTION, WAYBILL_TRANSACTION_FINISHED or
   * WAYBILL_TRANSACTION_ABORTED; nothing is then written.
   */
  append(tx: Tx, records: readonly NewRecord[], options?: AppendOptions): Promise<void>
  /** Keeps the records for later, in one statement. @throws as `append` */
  schedule(tx: Tx, records: readonly ScheduledRecord[], options?: NotingOptions): Promise<void>
  /**
   * Takes a scheduled message back. @returns whether it was still there.
   * @throws as `append`
   */
  cancel(tx: Tx, messageId: string): Promise<boolean>
  /**
   * The insert as a statement. With `business`, one statement that runs the business statement first and
   * appends the records only if it returned a row; the result is the rows of the business statement.
   * @throws WaybillError WAYBILL_UNSUPPORTED when the store speaks no SQL.
   */
  statement(records: readonly NewRecord[], business?: SqlStatement, options?: NotingOptions): SqlStatement
}
