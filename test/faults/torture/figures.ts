import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { resourcesOf } from '../resources.ts'
import type { Running } from '../stage.ts'

/** What processes that live through everything, and the tables of the product, have come to at one moment. */
export interface Figures {
  readonly minute: number
  /** By the name of the process. */
  readonly memoryMiB: Readonly<Record<string, number>>
  readonly files: Readonly<Record<string, number>>
  /** To the database, of all relays and consumers. */
  readonly connections: number
  /** Tables in which messages only stay until they are done with, indexes included. */
  readonly workingMiB: number
  /** Those that remember what was handled and written, for each message so far. */
  readonly rememberedBytes: number
}

const EVERY_MS = 15_000
const MEBIBYTE = 1_048_576
/** A page that is not given back is no leak; what leaks passes these within the hour. */
const SLACK = { memoryMiB: 20, files: 4, connections: 4, workingMiB: 8, rememberedBytes: 200 }
const REMEMBERING = /^(inbox|history|failure|audit)/

/** Takes figures until the signal is aborted; a moment at which the database is away is passed over. */
export async function takeFigures(
  watched: readonly Running[],
  pool: pg.Pool,
  signal: AbortSignal,
): Promise<readonly Figures[]> {
  const startedAt = performance.now()
  const taken: Figures[] = []
  while (!signal.aborted) {
    await sleep(EVERY_MS, undefined, { signal }).catch(() => undefined)
    const minute = (performance.now() - startedAt) / 60_000
    const figures = await figuresOf(watched, pool, minute).catch(() => null)
    if (figures) taken.push(figures)
  }
  return taken
}

async function figuresOf(watched: readonly Running[], pool: pg.Pool, minute: number): Promise<Figures> {
  const { processes, databaseConnections } = await resourcesOf(watched, pool)
  const byName = (what: 'files' | 'memory', unit: number): Record<string, number> =>
    Object.fromEntries(processes.map((process) => [process.name, process[what] / unit]))
  const { rows } = await pool.query<{ name: string; bytes: string }>(
    `select relname::text as name, pg_total_relation_size(oid) as bytes from pg_class
     where relnamespace = 'waybill'::regnamespace and relkind = 'r'`,
  )
  const { rows: counted } = await pool.query<{ n: number }>('select count(*)::int as n from placed')
  const bytesOf = (remembering: boolean): number =>
    rows
      .filter(({ name }) => REMEMBERING.test(name) === remembering)
      .reduce((sum, { bytes }) => sum + Number(bytes), 0)
  return {
    minute,
    memoryMiB: byName('memory', MEBIBYTE),
    files: byName('files', 1),
    connections: databaseConnections,
    workingMiB: bytesOf(false) / MEBIBYTE,
    rememberedBytes: bytesOf(true) / Math.max(1, counted[0]?.n ?? 0),
  }
}

/** What each figure was like in a part of the time: the value in the middle, which no single fault moves. */
export type Middles = ReadonlyMap<string, number>

/** The figures of each quarter of the time. The first one is that in which everything warms up. */
export function quarters(taken: readonly Figures[]): readonly Middles[] {
  const size = Math.max(1, Math.ceil(taken.length / 4))
  return [0, 1, 2, 3].map((quarter) => middles(taken.slice(quarter * size, (quarter + 1) * size)))
}

function middles(taken: readonly Figures[]): Middles {
  const values = new Map<string, number[]>()
  for (const figures of taken) {
    for (const [name, value] of flattened(figures)) {
      values.set(name, [...(values.get(name) ?? []), value])
    }
  }
  return new Map([...values].map(([name, all]) => [name, all.sort((a, b) => a - b)[all.length >> 1] ?? 0]))
}

function* flattened({ memoryMiB, files, connections, workingMiB, rememberedBytes }: Figures) {
  for (const [name, value] of Object.entries(memoryMiB)) yield [`memoryMiB ${name}`, value] as const
  for (const [name, value] of Object.entries(files)) yield [`files ${name}`, value] as const
  yield* Object.entries({ connections, workingMiB, rememberedBytes })
}

/** What is more at the end than after the warm-up, in sentences. */
export function growth(taken: readonly Figures[]): string[] {
  const [, early, , late] = quarters(taken)
  return [...(late ?? [])].flatMap(([name, now]) => {
    const then = early?.get(name) ?? now
    const slack = SLACK[name.split(' ')[0] as keyof typeof SLACK]
    return now <= then + slack ? [] : [`${name}: ${then.toFixed(1)} then, ${now.toFixed(1)} now`]
  })
}
