import { readFileSync } from 'node:fs'
import type pg from 'pg'
import { median, type Row, type Variant } from './measure.ts'

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

/** What one run came to. */
export interface Measured {
  readonly rate: number
  /** Of one piece of work, in microseconds. */
  readonly cpu: number
}

/** Collects what the runs of some variants cost beside their rates. */
export interface Costs {
  variant(name: string, run: () => Promise<Measured>): Variant
  /** The ratio is that of the work done for the same CPU by the first variant. The first round was for warming up. */
  rows(): Row[]
}

export function createCosts({ bench, unit }: { readonly bench: string; readonly unit: string }): Costs {
  const costs = new Map<string, number[]>()
  return {
    variant(name, run) {
      const own: number[] = []
      costs.set(name, own)
      return {
        name,
        async run() {
          const { rate, cpu } = await run()
          own.push(cpu)
          return rate
        },
      }
    },
    rows() {
      const counted = [...costs].map(([name, all]) => ({ name, own: all.slice(1) }))
      const limits = counted[0]?.own ?? []
      return counted.map(({ name, own }) => {
        const ratio = median(own.map((cost, round) => (limits[round] ?? Number.NaN) / cost))
        return { bench, variant: `${name}: CPU`, value: median(own), unit, limit: median(limits), ratio }
      })
    },
  }
}
