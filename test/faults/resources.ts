import { readdirSync, readFileSync } from 'node:fs'
import type pg from 'pg'
import type { Role, Running } from './stage.ts'

/** What a scenario must leave as it was. */
export interface Resources {
  readonly processes: readonly Held[]
  /** Connections to the database of the relays and consumers. */
  readonly databaseConnections: number
}

/** What one process holds. */
export interface Held {
  readonly role: Role
  readonly name: string
  /** Open files and sockets. */
  readonly files: number
  /** In bytes. */
  readonly memory: number
}

const MEBIBYTE = 1_048_576
/** A process opens a few files more when it first needs them. */
const FILES_MORE = 4
/** Pages that the engine of JavaScript has not given back yet; what leaks grows beyond, see the soak. */
const MEMORY_MORE = 120 * MEBIBYTE

export async function resourcesOf(processes: readonly Running[], pool: pg.Pool): Promise<Resources> {
  const { rows } = await pool.query<{ count: string }>(
    `select count(*) from pg_stat_activity
     where datname = current_database() and application_name not in ('writer', 'judge', '')`,
  )
  return {
    processes: processes.map(({ role, name, child: { pid } }) => ({
      ...{ role, name, files: filesOf(pid), memory: memoryOf(pid) },
    })),
    databaseConnections: Number(rows[0]?.count ?? 0),
  }
}

/** What of `after` is more than `before` explains, in sentences. Who came later is held against those of its role. */
export function leaks(before: Resources, after: Resources, allowedConnections: number): string[] {
  const grown = (what: 'files' | 'memory', more: number): string[] =>
    after.processes.flatMap(({ role, name, [what]: now }) => {
      const most = Math.max(...before.processes.filter((one) => one.role === role).map((one) => one[what]))
      return now <= most + more ? [] : [`${what} of ${name}: ${most} before, ${now} after`]
    })
  const { databaseConnections: now } = after
  const connections =
    now <= allowedConnections
      ? []
      : [`connections to the database: ${now}, of ${allowedConnections} in all pools`]
  return [...grown('files', FILES_MORE), ...grown('memory', MEMORY_MORE), ...connections]
}

/** Sentences that Node.js or the product prints when something was not given back or not caught. */
const ALARMS =
  /MaxListenersExceededWarning|UnhandledPromiseRejection|PromiseRejectionHandledWarning|heap out of memory|Unhandled 'error' event|Something failed that nobody expected/

export const alarms = (processes: readonly Running[]): string[] =>
  processes.flatMap(({ name, child }) =>
    child.output
      .split('\n')
      .filter((line) => ALARMS.test(line))
      .map((line) => `${name}: ${line}`),
  )

function filesOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length
}

function memoryOf(pid: number): number {
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(match?.[1]) * 1024
}
