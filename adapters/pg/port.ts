import type pg from 'pg'

/** The port that a pool connects to, as far as its options say so. */
export function portOf(pool: pg.Pool): number | undefined {
  const { port, connectionString } = pool.options
  if (port !== undefined) return port
  if (connectionString === undefined || !URL.canParse(connectionString)) return undefined
  const text = new URL(connectionString).port
  return text === '' ? undefined : Number(text)
}
