import type { FailureClass } from '../../src/ports.ts'

/** A value as PostgreSQL's text protocol sends it, whatever type parsers the user's driver has. */
export type SqlText = string | null

/** Rows as arrays of texts. */
export type SqlRows = readonly (readonly SqlText[])[]

/**
 * Runs one statement on a connection or in a transaction.
 *
 * Parameters are `$1 …` with values that are string, number, boolean, null, Buffer, or arrays of those.
 * Rows come as arrays of texts: the driver's type parsers, which users change, are not used. Statements are
 * unnamed: nothing is kept on the server's side of a connection, but for a {@link SqlCommand} with a name.
 */
export interface SqlExecutor {
  query(text: string, values?: readonly unknown[]): Promise<SqlRows>
}

/** A statement that yields no rows. */
export interface SqlCommand {
  readonly text: string
  readonly values: readonly unknown[]
  /** Of a statement that the session is to keep planned under it. Left out: unnamed. Fixed by the text. */
  readonly name?: string
}

/** Runs statements in a transaction of the user, and nowhere else. */
export interface SqlTransaction extends SqlExecutor {
  /** Runs one statement that yields no rows, which takes less work of the driver. */
  execute(statement: SqlCommand): Promise<void>
}

/** A pool: each `query` may use another connection. */
export interface SqlPool extends SqlExecutor {
  /** @param signal as that of `transaction`. */
  query(text: string, values?: readonly unknown[], signal?: AbortSignal): Promise<SqlRows>
  /**
   * Runs `work` on one connection between `begin isolation level read committed` and commit or rollback.
   *
   * @param signal ends the connection when it aborts, where the driver can: one that is dead would keep its place in the
   * pool until the operating system finds out.
   */
  transaction<Result>(work: (executor: SqlExecutor) => Promise<Result>, signal?: AbortSignal): Promise<Result>
}

/** What a driver binding tells about the user's own transactions. */
export interface SqlDriver<Tx> {
  readonly pool: SqlPool
  /** The most connections of the pool, where that is known. */
  readonly connections?: number | undefined
  /**
   * The executor of the user's transaction.
   * @throws WaybillError WAYBILL_NOT_A_TRANSACTION or WAYBILL_TRANSACTION_FINISHED
   */
  executor(tx: Tx): SqlTransaction
  /** How the user's own statements mark parameters. @defaultValue `numbered`: `$1`, `$2` */
  readonly placeholders?: 'numbered' | 'question-marks'
  /**
   * Runs `work` in a READ COMMITTED transaction.
   *
   * @param opening a statement without parameters to run first, in the round trip of the begin where the driver can; its
   * rows are given to the work.
   */
  transaction<Result>(work: (tx: Tx, rows: SqlRows) => Promise<Result>, opening?: string): Promise<Result>
  afterCommit(tx: Tx, callback: () => void): boolean
  classify(error: unknown): FailureClass
}
