/** A statement that the server keeps planned, under its name, as long as the session lasts. */
export interface Prepared {
  readonly name: string
  readonly text: string
  /** Strings, numbers, Buffers and nulls: the driver's own way to write arrays cannot be reached from here. */
  readonly values: readonly unknown[]
  /** Asked when the statement's turn has come, before anything is sent. Throws to keep it from running. */
  readonly check: () => void
}

/** What is used of the protocol side of a node-postgres client, as custom query classes such as `pg-cursor` use it. */
interface PgConnection {
  readonly stream: { cork?(): void; uncork?(): void }
  /** Texts by name. The driver notes here what the server has parsed. */
  readonly parsedStatements: Record<string, string | undefined>
  parse(statement: { readonly name: string; readonly text: string; readonly types: readonly number[] }): void
  bind(statement: {
    readonly statement: string
    readonly values: readonly unknown[]
    readonly valueMapper: (value: unknown) => unknown
  }): void
  execute(portal: object): void
  sync(): void
  on(event: 'commandComplete', listener: (message: { readonly text: string }) => void): unknown
}

/** Runs a prepared statement that yields no rows, and prepares it before if this session has not. */
export function runPrepared(client: Queries, prepared: Prepared): Promise<void> {
  return new Promise((resolve, reject) => {
    client.query(
      createQuery(prepared, (error) => {
        if (error === null) resolve()
        else reject(error)
      }),
    )
  })
}

/** A client, as far as it is used here. */
interface Queries {
  query(query: PgSubmittable): unknown
}

/** What the driver calls on a query of somebody else's making. */
export interface PgSubmittable {
  /** @returns why nothing was sent. */
  submit(connection: PgConnection): Error | null
  /** The driver puts its own here for its `query_timeout`. */
  callback: (error: Error | null) => void
}

/**
 * By the driver's own named queries a refusal would come too late: it sends the statement before it asks for the values,
 * closes it again, and takes it for prepared from then on.
 */
function createQuery(prepared: Prepared, callback: (error: Error | null) => void): PgSubmittable {
  const { name, text, values } = prepared
  const nothing = (): void => undefined
  const query = {
    name,
    text,
    callback,
    submit(connection: PgConnection): Error | null {
      try {
        prepared.check()
      } catch (error) {
        return error as Error
      }
      forgetOnReset(connection)
      connection.stream.cork?.()
      if (connection.parsedStatements[name] !== text) connection.parse({ name, text, types: [] })
      connection.bind({ statement: name, values, valueMapper: toWire })
      connection.execute({})
      connection.sync()
      connection.stream.uncork?.()
      return null
    },
    handleError(error: Error & { readonly code?: string }, connection: PgConnection) {
      if (error.code === UNKNOWN_STATEMENT) forget(connection, name)
      query.callback(error)
    },
    handleReadyForQuery() {
      query.callback(null)
    },
    handleCommandComplete: nothing,
    handleRowDescription: nothing,
    handleDataRow: nothing,
    handlePortalSuspended: nothing,
    handleEmptyQuery: nothing,
  }
  return query
}

/** `invalid_sql_statement_name`: it was removed where the driver could not see it, such as in a function. */
const UNKNOWN_STATEMENT = '26000'

function toWire(value: unknown): unknown {
  return typeof value === 'number' ? String(value) : value
}

const watched = new WeakSet<PgConnection>()

/** `discard all` and `deallocate all` remove what the driver goes on taking for prepared. */
function forgetOnReset(connection: PgConnection): void {
  if (watched.has(connection)) return
  watched.add(connection)
  connection.on('commandComplete', ({ text }) => {
    if (text !== 'DISCARD ALL' && text !== 'DEALLOCATE ALL') return
    for (const name of Object.keys(connection.parsedStatements)) forget(connection, name)
  })
}

function forget({ parsedStatements }: PgConnection, name: string): void {
  Reflect.deleteProperty(parsedStatements, name)
}
