import { expect, test } from 'vitest'
import { failures } from '../../../adapters/postgres/statements/sample/failures.ts'
import { kept } from '../../../adapters/postgres/statements/sample/kept.ts'
import { remembered } from '../../../adapters/postgres/statements/sample/remembered.ts'
import { explain, scansOf } from './explain.ts'
import { createSetting, type Setting } from './setting.ts'

const ROWS = 60_000
/** Nothing is counted further. */
const MOST = 10_001

const FAILURES = `
insert into waybill.failure (consumer, message_id, original_id, state, next_attempt_at, version, type, exchange, routing_key,
  content_type, payload, reason)
select 'consumer-' || n % 2, gen_random_uuid(), 'm', s, case s when 'retry' then now() end, 1, 'order.placed', 'e', 'r',
  'text/plain', '', 'failed'
from generate_series(1, ${ROWS}) as n cross join lateral (select case n % 4 when 0 then 'retry' else 'dead' end) as of (s)`

const PARKED = `
insert into waybill.parked (id, lane, version, created_at, message_id, key, type, source, exchange, routing_key, headers,
  content_type, payload, state, next_attempt_at, reason, error)
select n, n % 16, 1, now(), gen_random_uuid(), 'k-' || n, 't', 's', 'e', 'r', '{}', 'c', '', s,
  case s when 'retry' then now() end, 'rejected', ''
from generate_series(1, ${ROWS}) as n cross join lateral (select case n % 2 when 0 then 'retry' else 'dead' end) as of (s)`

const INBOX = `
insert into waybill.inbox (message_id, consumer, fingerprint)
select gen_random_uuid(), 'consumer-' || n % 5, 1 from generate_series(1, ${ROWS}) as n`

async function rowsRead(
  setting: Setting,
  statement: string,
  values: readonly unknown[] = [],
): Promise<number> {
  const plan = await explain(setting.pool, statement, values)
  const scans = scansOf(plan, /^(failure|parked|inbox|scheduled)/)
  expect(scans.filter(({ kind }) => kind === 'Seq Scan')).toEqual([])
  return scans.reduce((sum, { rows, loops }) => sum + rows * loops, 0)
}

test('what a sample counts is read by indexes, and no further than it counts', async () => {
  await using setting = await createSetting()
  for (const fill of [FAILURES, PARKED, INBOX]) await setting.pool.query(fill)
  await setting.pool.query('vacuum analyze')
  // Two consumers, each with dead letters and retries.
  expect(await rowsRead(setting, failures('waybill'))).toBeLessThan(2 * 2 * MOST + 10)
  expect(await rowsRead(setting, kept('waybill'))).toBeLessThan(3 * MOST + 10)
  expect(await rowsRead(setting, remembered('waybill'), ['waybill'])).toBeLessThan(1100)
})
