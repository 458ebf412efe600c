import { WaybillError } from '../../src/ports.ts'

/** The `code` of an error: an SQLSTATE, the name of a system error, or undefined. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** `lock_not_available`, or a deadlock that PostgreSQL ended: somebody else needs what was to be locked; next time. */
export function isLockTimeout(error: unknown): boolean {
  const code = codeOf(error)
  return code === '55P03' || code === '40P01'
}

/** Gives the error of a statement on a schema that was never created a sentence that says so. */
export function explainMissingSchema(error: unknown, schema: string): unknown {
  const code = codeOf(error)
  if (code !== '42P01' && code !== '42883' && code !== '3F000') return error
  return new WaybillError('WAYBILL_SCHEMA_MISSING', {
    problem: `Schema "${schema}" is not in this database, or lacks a table or a procedure.`,
    remedy: 'Run `waybill migrate`, or `migrate` of `waybill/postgres` when the service starts.',
    cause: error,
  })
}
