import { WaybillError } from '../../src/index.ts'

/** Where everything lives unless another schema is named. */
export const DEFAULT_SCHEMA = 'waybill'

const MAX_BYTES = 63

/**
 * Quotes the name of a schema for use in SQL. Any name that PostgreSQL takes is taken: capitals, spaces and quotes
 * included.
 * @throws WaybillError WAYBILL_OPTION_INVALID
 */
export function identifier(name: string): string {
  const fault = faultOf(name)
  if (fault !== null) {
    throw new WaybillError('WAYBILL_OPTION_INVALID', {
      problem: `${JSON.stringify(name)} cannot be the name of a schema: ${fault}.`,
      wanted: `A name of 1 to ${MAX_BYTES} bytes such as "${DEFAULT_SCHEMA}" was expected.`,
      remedy: 'Name another schema in the "schema" option.',
    })
  }
  return `"${name.replaceAll('"', '""')}"`
}

function faultOf(name: unknown): string | null {
  if (typeof name !== 'string') return 'it is not text'
  if (name === '') return 'it is empty'
  if (Buffer.byteLength(name) > MAX_BYTES) return 'it is too long, and PostgreSQL would cut it off'
  if (name.includes('\0')) return 'it holds a NUL character'
  if (/\p{Surrogate}/u.test(name)) return 'it holds half a character'
  if (name.startsWith('pg_')) return 'names that begin with "pg_" belong to PostgreSQL'
  if (name.includes('$waybill$')) return 'it holds "$waybill$", which marks the function bodies'
  return null
}

/** Replaces the placeholders of a migration: `${schema}` in SQL, `${schema:literal}` inside a string literal. */
export function placeSchema(template: string, schema: string): string {
  const quoted = identifier(schema)
  return template
    .replaceAll('${schema:literal}', () => quoted.replaceAll("'", "''"))
    .replaceAll('${schema}', () => quoted)
}
