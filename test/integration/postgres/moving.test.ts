import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createReader } from '../../../testing/contracts/relay-store-reader.ts'
import { PROJECT_ROOT } from '../../support/child.ts'
import { eventually } from '../../support/eventually.ts'
import { createSetting, waitingSessions } from './setting.ts'

const PAGE = readFileSync(join(PROJECT_ROOT, 'docs/guides/moving-from-a-hand-written-outbox.md'), 'utf8')
const [table = '', move = '', tidyUp = ''] = [...PAGE.matchAll(/```sql\n([\s\S]*?)```/g)].map(
  ([, sql = '']) => sql,
)
const INSERT = `insert into outbox_events (event_type, aggregate_id, payload) values ('order.placed', $1, '{"total": 1}')`

test('the guide moves a hand-written outbox without losing or reordering what old writers write meanwhile', async () => {
  await using setting = await createSetting()
  const { pool, store } = setting
  await pool.query(table)
  await pool.query(INSERT, ['sent'])
  await pool.query('update outbox_events set sent_at = now()')
  for (const key of ['waiting 1', 'waiting 2']) await pool.query(INSERT, [key])
  const open = await setting.connect()
  await open.query('begin')
  await open.query(INSERT, ['open'])

  const moving = pool.query(move)
  await eventually(async () => (await waitingSessions(setting)) === 1)
  const late = pool.query(INSERT, ['late'])
  await eventually(async () => (await waitingSessions(setting)) === 2)
  await open.query('commit')
  await Promise.all([moving, late])
  await pool.query(INSERT, ['afterwards'])

  const reader = await createReader(store)
  const records = (await reader.everything()).sort((one, other) => one.position - other.position)
  expect(records.map(({ key }) => key)).toEqual(['waiting 1', 'waiting 2', 'open', 'late', 'afterwards'])
  expect(records[0]).toMatchObject({ exchange: 'events', routingKey: 'orders.placed', type: 'order.placed' })
  expect((await pool.query('select aggregate_id from outbox_events')).rows).toEqual([
    { aggregate_id: 'sent' },
  ])
  await pool.query(tidyUp)
})
