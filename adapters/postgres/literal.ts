/**
 * A text as a constant in SQL, for statements that go along with others in one round trip, where there are no parameters.
 * Only what reads the same under all settings is put between quotes; anything else is spelled in hexadecimal digits,
 * whatever `standard_conforming_strings` and the encoding of the client are.
 */
export function literal(text: string): string {
  if (/^[\x20-\x7e]*$/.test(text) && !/['\\]/.test(text)) return `'${text}'`
  const hex = Buffer.from(text, 'utf8').toString('hex')
  return `pg_catalog.convert_from(pg_catalog.decode('${hex}', 'hex'), 'UTF8')`
}
