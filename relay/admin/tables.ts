/** Media types of lists for programs that read line by line, and for tables. */
export const NDJSON = 'application/x-ndjson'
export const CSV = 'text/csv'

type Cell = string | number | null | undefined

/** A row as RFC 4180 has it. */
export function csvRow(cells: readonly Cell[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`
}

/** Programs for tables take a text that begins like this for a formula, and would run what a caller has written. */
const FORMULA = /^[=+\-@\t\r]/

function csvCell(cell: Cell): string {
  if (typeof cell === 'number') return String(cell)
  const text = cell ?? ''
  const harmless = FORMULA.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless
}
