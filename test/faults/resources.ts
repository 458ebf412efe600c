import { readdirSync, readFileSync } from 'node:fs'
import type pg from 'pg'
import type { Running } from './stage.ts'

/** What a scenario must leave as it was. */
export interface Resources {
  /** Open files and sockets of each process, by its id. */
  readonly files: ReadonlyMap<number, number>
  /** Memory of each process, in bytes. */
  readonly memory: ReadonlyMap<number, number>
  /** Connections to the database of the relays and consumers. */
  readonly databaseConnections: number
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
    files: new Map(processes.map(({ child }) => [child.pid, filesOf(child.pid)])),
    memory: new Map(processes.map(({ child }) => [child.pid, memoryOf(child.pid)])),
    databaseConnections: Number(rows[0]?.count ?? 0),
  }
}

/** What of `after` is more than `before` explains, in sentences. */
export function leaks(before: Resources, after: Resources, allowedConnections: number): string[] {
  const grown = (what: 'files' | 'memory', more: number): string[] =>
    [...after[what]].flatMap(([pid, now]) => {
      const then = before[what].get(pid)
      return then === undefined || now <= then + more
        ? []
        : [`${what} of ${pid}: ${then} before, ${now} after`]
    })
  const connections =
    after.databaseConnections <= Math.max(before.databaseConnections, allowedConnections)
      ? []
      : [
          `connections to the database: ${before.databaseConnections} before, ${after.databaseConnections} after`,
        ]
  return [...grown('files', FILES_MORE), ...grown('memory', MEMORY_MORE), ...connections]
}

/** Sentences that Node.js or the product prints when something was not given back or not caught. */
const ALARMS =
  /MaxListenersExceededWarning|UnhandledPromiseRejection|PromiseRejectionHandledWarning|heap out of memory/

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
