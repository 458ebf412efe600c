/** Rows under their headings; what programs must not read. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const shown = [headings, ...rows.map((row) => row.map(cellOf))]
  const widths = headings.map((_, column) => Math.max(...shown.map((row) => row[column]?.length ?? 0)))
  return shown
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('')
}

const MOST = 60

/** What senders wrote must not move the cursor of a terminal. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}]+/gu, ' ')
}

function cellOf(text: string): string {
  const plain = printable(text)
  return plain.length > MOST ? `${plain.slice(0, MOST - 1)}…` : plain
}

export function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}
