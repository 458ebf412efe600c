import { identifier } from './identifier.ts'
import { RIGHTS, type Role } from './rights.ts'
import type { SqlExecutor, SqlText } from './sql-executor.ts'
import { HIDDEN_SESSIONS, LONG_TRANSACTIONS, REPLICATION_SLOTS } from './statements/inspect-activity.ts'
import { READABLE, recentConsumers, waitingExchanges } from './statements/inspect-contents.ts'
import { INSPECT_SERVER } from './statements/inspect-server.ts'
import { LEAF_INDEXES, MISSING_RIGHTS, SEQUENCE, TABLES } from './statements/inspect-tables.ts'

/** The server and what is set for the sessions of this role. */
export interface ServerFacts {
  /** Such as 150004. */
  readonly versionNumber: number
  readonly version: string
  readonly encoding: string
  readonly isStandby: boolean
  readonly role: string
  readonly isReadOnly: boolean
  readonly fsync: boolean
  readonly fullPageWrites: boolean
  readonly synchronousCommit: string
  readonly autovacuum: boolean
  /** 0 stands for none. */
  readonly statementTimeoutMs: number
  /** Connections that roles like this one may have together. */
  readonly connectionLimit: number
  readonly connectionsInUse: number
  /** How far the server's clock is ahead of the caller's, and how exactly that could be told. */
  readonly clock: { readonly aheadMs: number; readonly uncertainMs: number }
}

export interface TableFacts {
  readonly name: string
  readonly isUnlogged: boolean
  readonly hidesRows: boolean
  readonly autovacuum: boolean
}

/** How a database is set up, as far as this role can see. */
export interface DatabaseFacts {
  readonly server: ServerFacts
  /** Empty when there is no such schema. */
  readonly tables: readonly TableFacts[]
  /** Null when there is none. */
  readonly sequence: { readonly cache: number; readonly cycles: boolean; readonly increment: number } | null
  /** Leaves that lack one of their two indexes. */
  readonly leavesWithoutIndex: readonly string[]
  /** Such as `delete on table outbox`. */
  readonly missingRights: readonly string[]
}

/** What goes on in the server around the outbox. */
export interface ActivityFacts {
  readonly longTransactions: readonly {
    readonly kind: 'session' | 'prepared'
    readonly name: string
    readonly ageMs: number
  }[]
  /** Sessions that this role may not look into. */
  readonly hiddenSessions: number
  readonly slots: readonly { readonly name: string; readonly active: boolean; readonly heldBack: number }[]
}

/** Names in the tables; null where this role may not read them. */
export interface ContentFacts {
  readonly exchanges: readonly string[] | null
  readonly consumers: readonly string[] | null
}

export interface InspectOptions {
  readonly schema: string
  /** The role that this login is to play. */
  readonly role: Role
  /** The caller's clock, in milliseconds since 1970. */
  readonly now: () => number
}

/** Looks without locks and without changing anything. */
export async function inspectDatabase(
  executor: SqlExecutor,
  { schema, role, now }: InspectOptions,
): Promise<DatabaseFacts> {
  const tables = await executor.query(TABLES, [schema])
  const [sequence] = await executor.query(SEQUENCE, [schema])
  const leaves = await executor.query(LEAF_INDEXES, [schema])
  return {
    tables: tables.map(([name, isUnlogged, hidesRows, autovacuum]) => ({
      name: text(name),
      isUnlogged: isUnlogged === 't',
      hidesRows: hidesRows === 't',
      autovacuum: autovacuum === null || !/^(off|false|no|0)$/i.test(text(autovacuum)),
    })),
    sequence:
      sequence === undefined
        ? null
        : { cache: Number(sequence[0]), cycles: sequence[1] === 't', increment: Number(sequence[2]) },
    leavesWithoutIndex: leaves.filter(([, count]) => Number(count) < 2).map(([name]) => text(name)),
    missingRights: await missingRights(executor, { schema, role }),
    server: await serverFacts(executor, now),
  }
}

async function missingRights(
  executor: SqlExecutor,
  { schema, role }: Pick<InspectOptions, 'schema' | 'role'>,
): Promise<string[]> {
  const wanted = [
    ['schema', schema, 'usage'],
    ...RIGHTS[role].flatMap(({ on, names, privileges }) =>
      names.flatMap((name) => privileges.map((privilege) => [on, name, privilege])),
    ),
  ]
  const columns = [0, 1, 2].map((column) => wanted.map((row) => row[column]))
  const rows = await executor.query(MISSING_RIGHTS, [schema, ...columns])
  return rows.map(([privilege, kind, name]) => `${text(privilege)} on ${text(kind)} ${text(name)}`)
}

async function serverFacts(executor: SqlExecutor, now: () => number): Promise<ServerFacts> {
  const sentAt = now()
  const [row = []] = await executor.query(INSPECT_SERVER)
  const uncertainMs = (now() - sentAt) / 2
  const cell = (index: number): string => text(row[index])
  return {
    versionNumber: Number(cell(0)),
    version: cell(1),
    encoding: cell(2),
    isStandby: cell(3) === 't',
    role: cell(4),
    isReadOnly: cell(5) === 'on',
    fsync: cell(6) === 'on',
    fullPageWrites: cell(7) === 'on',
    synchronousCommit: cell(8),
    autovacuum: cell(9) === 'on' && cell(10) === 'on',
    statementTimeoutMs: Number(cell(11)),
    connectionLimit: Number(cell(12)),
    connectionsInUse: Number(cell(13)),
    clock: { aheadMs: Math.round(Number(cell(14)) - (sentAt + uncertainMs)), uncertainMs },
  }
}

/** Transactions count as long from `longMs` on. */
export async function inspectActivity(executor: SqlExecutor, longMs: number): Promise<ActivityFacts> {
  const transactions = await executor.query(LONG_TRANSACTIONS, [longMs])
  const [hidden] = await executor.query(HIDDEN_SESSIONS)
  const slots = await executor.query(REPLICATION_SLOTS)
  return {
    longTransactions: transactions.map(([kind, name, ageMs]) => ({
      kind: kind === 'prepared' ? 'prepared' : 'session',
      name: text(name),
      ageMs: Number(ageMs),
    })),
    hiddenSessions: Number(hidden?.[0]),
    slots: slots.map(([name, active, heldBack]) => ({
      name: text(name),
      active: active === 't',
      heldBack: Number(heldBack),
    })),
  }
}

/** The names of exchanges and consumers that the tables hold. */
export async function inspectContents(executor: SqlExecutor, schema: string): Promise<ContentFacts> {
  const quoted = identifier(schema)
  const [readable = []] = await executor.query(READABLE, [schema])
  const names = async (statement: string): Promise<string[]> =>
    (await executor.query(statement)).map(([name]) => text(name))
  return {
    exchanges: readable[0] === 't' ? await names(waitingExchanges(quoted)) : null,
    consumers: readable[1] === 't' ? await names(recentConsumers(quoted)) : null,
  }
}

function text(value: SqlText | undefined): string {
  return value ?? ''
}
