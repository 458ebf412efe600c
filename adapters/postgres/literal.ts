import { WaybillError } from '../../src/ports.ts'

/**
 * A text as a constant in SQL, which reads the same whatever `standard_conforming_strings` says. For statements that go
 * along with others in one round trip, where there are no parameters. Drivers speak UTF-8, in which no part of another
 * character looks like a quote or a backslash.
 */
export function literal(text: string): string {
  if (text.includes('\0')) {
    throw new WaybillError('WAYBILL_OPTION_INVALID', {
      problem: `${JSON.stringify(text)} holds a NUL character, which PostgreSQL cannot hold.`,
    })
  }
  const quoted = `'${text.replaceAll("'", "''")}'`
  return text.includes('\\') ? ` E${quoted.replaceAll('\\', '\\\\')}` : quoted
}
