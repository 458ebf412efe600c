import type { CheckedFilter, Place } from '../../../../src/ports.ts'
import { conditions, createValues, type Values } from './conditions.ts'
import { iso, LETTER_COLUMNS } from './letter-columns.ts'

export interface Query {
  readonly text: string
  readonly values: readonly unknown[]
}

const DIRECTIONS = ['in', 'out'] as const

/** One side of the list after the other, so that each comes from its own index in order. */
function sides(filter: CheckedFilter, values: Values, side: (where: string) => string): string[] {
  const all = conditions(filter, values)
  return DIRECTIONS.filter(
    (direction) => filter.direction === undefined || filter.direction === direction,
  ).map((direction) => `(${side([`m.direction = '${direction}'`, ...all].join(' and '))})`)
}

/**
 * Those that the filter finds, the last failed first; each row is followed by the time of its place.
 * Locks: none. Indexes: `failure_dead` or `failure_list`, and `parked_list`, from the place on.
 */
export function listLetters(
  schema: string,
  filter: CheckedFilter,
  { after, limit }: { readonly after: Place | null; readonly limit: number },
): Query {
  const values = createValues()
  const most = values.add(limit, 'bigint')
  const [time, number, direction] = after ?? []
  const place =
    after === null
      ? ''
      : ` and (m.failed_at, m.number, m.direction) < (${values.add(time, 'timestamptz')}, ${values.add(number, 'bigint')}, ${values.add(direction, 'text')})`
  const side = (where: string): string => `
  select m.* from ${schema}.failed_message as m where ${where}${place}
  order by m.failed_at desc, m.number desc limit ${most}`
  const text = `
select ${LETTER_COLUMNS}, ${iso('m.failed_at')}
from (${sides(filter, values, side).join(' union all ')}) as m
order by m.failed_at desc, m.number desc, m.direction desc
limit ${most}`
  return { text, values: values.list }
}

/** How many the filter finds, counted up to one more than `most`. Locks: none. Indexes: as `listLetters`. */
export function countLetters(schema: string, filter: CheckedFilter, most: number): Query {
  const values = createValues()
  const limit = values.add(most + 1, 'bigint')
  const side = (where: string): string =>
    `select 1 from ${schema}.failed_message as m where ${where} limit ${limit}`
  const text = `select pg_catalog.count(*) from (select from (${sides(filter, values, side).join(' union all ')}) as m limit ${limit}) as n`
  return { text, values: values.list }
}

/**
 * Groups of what the filter finds, by fingerprint, the largest first: count, first and last time, and the last one of each.
 * Locks: none. Indexes: as `listLetters`, all of what the filter finds.
 */
export function groupLetters(
  schema: string,
  filter: CheckedFilter,
  { after, limit }: { readonly after: Place | null; readonly limit: number },
): Query {
  const values = createValues()
  const where = conditions(filter, values).join(' and ')
  const [count, fingerprint] = after ?? []
  const place =
    after === null
      ? ''
      : `having (pg_catalog.count(*), m.fingerprint) < (${values.add(count, 'bigint')}, ${values.add(fingerprint, 'text')})`
  const text = `
select ${LETTER_COLUMNS}, g.count, ${iso('g.first')}, ${iso('g.last')}
from (
  select m.fingerprint, pg_catalog.count(*) as count, pg_catalog.min(m.failed_at) as first,
    pg_catalog.max(m.failed_at) as last
  from ${schema}.failed_message as m where ${where}
  group by m.fingerprint ${place}
  order by 2 desc, 1 desc
  limit ${values.add(limit, 'bigint')}
) as g cross join lateral (
  select m.* from ${schema}.failed_message as m where ${where} and m.fingerprint = g.fingerprint
  order by m.failed_at desc, m.number desc
  limit 1
) as m
order by g.count desc, g.fingerprint desc`
  return { text, values: values.list }
}
