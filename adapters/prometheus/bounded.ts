/** What a label says of those that there is no more room for. */
const OTHER = '_other'

/** Keeps the values of a label from growing without end: those beyond the first `most` become {@link OTHER}. */
export function bounded(most: number): (value: string) => string {
  const known = new Set<string>()
  return (value) => {
    if (known.has(value)) return value
    if (known.size >= most) return OTHER
    known.add(value)
    return value
  }
}
