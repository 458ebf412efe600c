import { readFileSync } from 'node:fs'
import type pg from 'pg'

/** Microseconds of CPU that this process and the sessions of a server on this machine have used so far. */
export type CpuClock = () => number

/** Of the sessions that are open now. Linux only: elsewhere it counts this process alone. */
export async function cpuOfProgramAndServer(pool: pg.Pool): Promise<CpuClock> {
  const { rows } = await pool.query<{ pid: number }>(
    `select pid from pg_stat_activity where backend_type = 'client backend'`,
  )
  return () => {
    const { user, system } = process.cpuUsage()
    return rows.reduce((sum, { pid }) => sum + usedBy(pid), user + system)
  }
}

/** The first number of schedstat: nanoseconds on a CPU. */
function usedBy(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${String(pid)}/schedstat`, 'utf8').split(' ')[0]) / 1_000
  } catch {
    return 0
  }
}
