const MINUTE_MS = 60_000

/** A time as people say it. */
export function minutes(ms: number): string {
  const count = Math.floor(ms / MINUTE_MS)
  return count < 120 ? `${count} min` : `${Math.floor(count / 60)} h`
}
