import { describe, expect, it } from 'vitest'
import { readConfig } from '../../../relay/config.ts'
import { databasesOf, type DatabaseTarget } from '../../../relay/config/databases.ts'

const ORDERS = 'postgres://u:s3cret-word@db:5432/orders'

function targets(url: string, schema?: string): DatabaseTarget[] {
  const env = { WAYBILL_DATABASE_URL: url, ...(schema !== undefined && { WAYBILL_SCHEMA: schema }) }
  return databasesOf(readConfig('database', { env }).values)
}

describe('WAYBILL_DATABASE_URL', () => {
  it('names one outbox, with the schema beside it', () => {
    expect(targets(ORDERS)).toEqual([{ url: ORDERS, schema: 'waybill' }])
    expect(targets(ORDERS, 'other')).toEqual([{ url: ORDERS, schema: 'other' }])
  })

  it('names several, one behind another, each with its schemas', () => {
    const text = `${ORDERS}\n  postgres://db-2/billing?waybill_schema=eu&sslmode=require&waybill_schema=Way%20%22Bill%22\tpostgres://db-3/x?schema=public `
    expect(targets(text, 'mine')).toEqual([
      { url: ORDERS, schema: 'mine' },
      { url: 'postgres://db-2/billing?sslmode=require', schema: 'eu' },
      { url: 'postgres://db-2/billing?sslmode=require', schema: 'Way "Bill"' },
      // Another tool's parameter is none of ours.
      { url: 'postgres://db-3/x?schema=public', schema: 'mine' },
    ])
    expect(targets('postgres://db/x?waybill_schema=a')).toEqual([{ url: 'postgres://db/x', schema: 'a' }])
  })

  it('refuses what cannot be meant, without showing a password', () => {
    const refused: readonly (readonly [string, RegExp])[] = [
      [`${ORDERS} ${ORDERS}`, /names schema "waybill" of one database twice/],
      [`${ORDERS} mysql://u:s3cret-word@h/d`, /does not begin with postgres/],
      [`${ORDERS}?waybill_schema=pg_mine`, /names a schema that begins with pg_/],
      [`${ORDERS}?waybill_schema=`, /names a schema that is empty/],
      ['postgres://u:s3cret word@db/orders', /does not begin with postgres|not a valid URL/],
    ]
    for (const [text, problem] of refused) {
      expect(() => targets(text)).toThrow(problem)
      expect(() => targets(text)).not.toThrow(/s3cret-word/)
    }
  })

  it('hides the passwords of all of them', () => {
    const { redact } = readConfig('database', {
      env: { WAYBILL_DATABASE_URL: `${ORDERS} postgres://u:other-w0rd@db-2/x` },
    })
    expect(redact('failed with s3cret-word and other-w0rd')).toBe('failed with *** and ***')
  })
})
