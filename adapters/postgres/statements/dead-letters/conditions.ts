import type { CheckedFilter } from '../../../../src/ports.ts'

/** Placeholders and what stands for them; nothing that was given becomes a part of a statement. */
export interface Values {
  readonly list: readonly unknown[]
  /** @returns the placeholder, with its type */
  add(value: unknown, type: string): string
}

export function createValues(): Values {
  const list: unknown[] = []
  return {
    list,
    add(value, type) {
      list.push(value)
      return `$${String(list.length)}::${type}`
    },
  }
}

const EQUAL = [
  'direction',
  'state',
  'consumer',
  'type',
  'key',
  'reason',
  'fingerprint',
  'correlationId',
] as const

const COLUMNS: Readonly<Partial<Record<string, string>>> = { correlationId: 'correlation_id' }

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** The conditions of a filter on rows `m` of the view `failed_message`. */
export function conditions(filter: CheckedFilter, values: Values): string[] {
  const { messageId, errorText, from, until } = filter
  const found = EQUAL.flatMap((name) => {
    const value = filter[name]
    return value === undefined ? [] : [`m.${COLUMNS[name] ?? name} = ${values.add(value, 'text')}`]
  })
  if (messageId !== undefined) {
    const isUuid = UUID.test(messageId)
    found.push(
      isUuid
        ? `m.message_id = ${values.add(messageId, 'uuid')}`
        : `m.original_id = ${values.add(messageId, 'text')}`,
    )
  }
  if (errorText !== undefined) {
    const text = `pg_catalog.lower(${values.add(errorText, 'text')})`
    found.push(
      `pg_catalog.strpos(pg_catalog.lower(pg_catalog.concat_ws(' ', m.error_type, m.error_message)), ${text}) > 0`,
    )
  }
  if (from !== undefined) found.push(`m.failed_at >= ${values.add(from.toISOString(), 'timestamptz')}`)
  if (until !== undefined) found.push(`m.failed_at < ${values.add(until.toISOString(), 'timestamptz')}`)
  return found
}
