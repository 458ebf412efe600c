import { expect, test } from 'vitest'
import type { BulkOperation, DeadLetter } from '../../../src/ports.ts'
import { eventually } from '../../support/eventually.ts'
import { ADA, createWorld, type World } from '../dead-letters/world.ts'
import { runHere, type WaybillRun } from './run-waybill.ts'

const waybill = ({ database }: World, ...args: string[]): Promise<WaybillRun> =>
  runHere([...args, '--by', 'ada'], { WAYBILL_DATABASE_URL: database.url })

async function isThere(
  { pool }: World,
  what: 'consumer' | 'relay',
  { until = 'infinity' } = {},
): Promise<void> {
  await pool.query(
    what === 'consumer'
      ? `insert into waybill.consumer_instance values
           (gen_random_uuid(), 'billing', 'billing', 'unordered', 'h', now(), '${until}')`
      : `insert into waybill.relay (relay_id, host, schema_version, expires_at)
           values (gen_random_uuid(), 'relay-1', 11, '${until}')`,
  )
}

test('shows all of one, however long its error, and cuts lists only', async () => {
  await using world = await createWorld()
  const frame = `at place (/srv/billing/${'long/'.repeat(20)}orders.ts:11:121)`
  const id = await world.fail({ error: `It is ${'very '.repeat(30)}wrong.`, payload: '{"a":\n"\u001b[2J"}' })
  await world.pool.query('update waybill.failure set error_stack = $1', [`Error: x\n    ${frame}\n`])
  const shown = await waybill(world, 'dead-letters', 'show', id, '--payload')
  expect(shown.code, shown.stderr).toBe(0)
  expect(shown.stdout).toContain(frame)
  expect(shown.stdout).toContain('very wrong.')
  expect(shown.stdout).toMatch(/^waiting +0$/m)
  expect(shown.stdout).toMatch(/^payload +\{"a":\n +" \[2J"\}$/m)
  const listed = await waybill(world, 'dead-letters', 'list')
  expect(listed.stdout).toContain('…')
  expect(Math.max(...listed.stdout.split('\n').map(({ length }) => length))).toBeLessThan(200)
})

test('says what comes next: after a replay, after a discard, behind another one of its key', async () => {
  await using world = await createWorld()
  const [first, second, third] = [
    await world.fail({ key: 'k', blocking: true }),
    await world.fail({ key: 'k', blocking: true }),
    await world.fail(),
  ]
  expect((await waybill(world, 'dead-letters', 'replay', second)).stdout).toContain(
    'waits for an earlier one',
  )
  expect((await waybill(world, 'dead-letters', 'replay', first)).stdout).toContain(
    `dead-letters show ${first}`,
  )
  const unsaid = await waybill(world, 'dead-letters', 'discard', third)
  expect(unsaid).toMatchObject({ code: 2, stdout: '' })
  expect(unsaid.stderr).toContain('--reason')
  const discarded = await waybill(world, 'dead-letters', 'discard', third, '--reason', 'Old.')
  expect(discarded.stdout).toContain(`dead-letters restore ${third}`)
  expect((await waybill(world, 'dead-letters', 'restore', third)).code).toBe(0)
  expect(await world.state(third)).toBe('dead')
})

test('exports what a filter finds, line by line over many pages, bytes that are no text in base64', async () => {
  await using world = await createWorld()
  await world.pool.query(`
    insert into waybill.failure (consumer, message_id, original_id, state, version, type, exchange, routing_key,
      content_type, payload, reason)
    select 'billing', gen_random_uuid(), n::text, 'dead', 1, 'order.placed', 'e', 'r', 'application/octet-stream',
      '\\xff00'::bytea, 'exhausted' from generate_series(1, 450) as n`)
  await world.fail({ consumer: 'shipping', payload: '{"total":12345678901234567890}', headers: '{"a":"1"}' })
  const linesOf = async (...args: string[]): Promise<Record<string, unknown>[]> =>
    (await waybill(world, 'dead-letters', 'export', ...args)).stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
  const billing = await linesOf('--consumer', 'billing')
  expect(new Set(billing.map(({ id }) => id)).size).toBe(450)
  expect(billing[0]).toMatchObject({ payload: { encoding: 'base64', body: '/wA=' } })
  expect(await linesOf('--consumer', 'shipping')).toMatchObject([
    { headers: { a: '1' }, payload: { encoding: 'utf8', body: '{"total":12345678901234567890}' } },
  ])
  expect((await waybill(world, 'dead-letters', 'export', '--type', 'none')).stdout).toBe('')
})

test.each([
  ['resolved', 0, '2 succeeded, 0 failed again'],
  ['dead', 5, '0 succeeded, 2 failed again'],
] as const)(
  'waits for what comes of a replay of several: %s ends with code %i',
  async (state, code, told) => {
    await using world = await createWorld()
    const ids = [await world.fail(), await world.fail()]
    const answered = eventually(async () => {
      const { rowCount } = await world.pool.query(
        `update waybill.failure set state = $1, next_attempt_at = null, ended_at = case when $1 = 'resolved' then now() end
       where state = 'retry'`,
        [state],
      )
      return rowCount === 2
    })
    const replayed = await waybill(world, 'dead-letters', 'replay', ...ids, '--yes', '--rate', '1000')
    await answered
    expect(replayed.stdout).toContain(told)
    expect(replayed.code).toBe(code)
  },
)

test('lists, shows, pauses, resumes and cancels bulk operations', async () => {
  await using world = await createWorld()
  for (let n = 0; n < 3; n += 1) await world.fail()
  const started = await waybill(
    world,
    'dead-letters',
    'replay',
    '--all',
    '--yes',
    '--detach',
    '--rate',
    '0.1',
  )
  expect(started.stdout).toMatch(/^bulk-1 is running: 0 of 3 done/)
  const rival = await waybill(world, 'dead-letters', 'replay', '--all', '--yes')
  expect(rival).toMatchObject({ code: 6 })
  expect(rival.stderr).toContain('bulk-1 is under way')
  const paused = await waybill(world, 'bulk-operations', 'pause', 'bulk-1')
  expect(paused).toMatchObject({ code: 0, stderr: '' })
  expect(paused.stdout).toContain('waybill bulk-operations resume bulk-1')
  expect((await waybill(world, 'bulk-operations', 'list')).stdout).toMatch(
    /bulk-1 +replay +paused +0\/3 +0 +0 +ada .*By an operator\./,
  )
  expect((await waybill(world, 'bulk-operations', 'resume', 'bulk-1')).code).toBe(0)
  const cancelled = await waybill(
    world,
    'bulk-operations',
    'cancel',
    'bulk-1',
    '--reason',
    'Later.',
    '--json',
  )
  expect(JSON.parse(cancelled.stdout)).toMatchObject({ state: 'cancelled' } satisfies Partial<BulkOperation>)
  expect(await waybill(world, 'bulk-operations', 'resume', 'bulk-1')).toMatchObject({ code: 6, stdout: '' })
  expect(await waybill(world, 'bulk-operations', 'show', 'bulk-2')).toMatchObject({ code: 6, stdout: '' })
  expect(await waybill(world, 'bulk-operations', 'show')).toMatchObject({ code: 2, stdout: '' })
  const shown = await waybill(world, 'bulk-operations', 'show', 'bulk-1', '--limit', '2')
  expect(shown.stdout).toMatch(/in-1 +pending\nin-2 +pending\nMore: --cursor \S+\n$/)
  const events = (await world.operations.audit.list({ target: 'bulk-1', actor: 'ada', outcome: 'done' }))
    .items
  expect(events.map(({ action }) => action)).toEqual([
    'bulk-operations.cancel',
    'bulk-operations.resume',
    'bulk-operations.pause',
  ])
})

test('pauses what is there, and what is not only when told so', async () => {
  await using world = await createWorld()
  await isThere(world, 'consumer')
  await isThere(world, 'relay')
  const why = ['--reason', 'Its database moves.']
  for (const [kind, name] of [
    ['consumers', 'biling'],
    ['relays', 'relay-2'],
  ] as const) {
    const slip = await waybill(world, kind, 'pause', name, ...why)
    expect(slip).toMatchObject({ code: 6, stdout: '' })
    expect(slip.stderr).toContain(kind === 'consumers' ? 'There are: billing.' : 'There are: *, relay-1.')
  }
  expect((await world.operations.services.stats()).paused).toEqual([])
  expect(await waybill(world, 'consumers', 'pause', 'billing')).toMatchObject({ code: 2, stdout: '' })
  expect((await waybill(world, 'consumers', 'pause', 'billing', ...why)).stdout).toContain(
    'until it is resumed',
  )
  const again = await waybill(world, 'consumers', 'pause', 'billing', '--reason', 'Another one.')
  expect(again.stdout).toMatch(/was paused already: by ada at .*: Its database moves\./)
  expect((await waybill(world, 'consumers', 'list')).stdout).toMatch(
    /billing +billing +1 +0 +0 +0 +by ada: Its database moves\./,
  )
  expect((await waybill(world, 'relays', 'pause', 'relay-2', '--yes', ...why)).code).toBe(0)
  const relays = await waybill(world, 'relays', 'list')
  expect(relays.stdout).toMatch(/^relay-1 +\S+ +live *$/m)
  expect(relays.stdout).toMatch(/^relay-2 +by ada: Its database moves\.$/m)
  const json = await waybill(world, 'relays', 'list', '--json')
  expect(JSON.parse(json.stdout)).toMatchObject([{ host: 'relay-1', live: true, lanes: [], pause: null }])
  const resumed = await waybill(world, 'consumers', 'resume', 'billing', '--json')
  expect(JSON.parse(resumed.stdout)).toEqual({ kind: 'consumer', name: 'billing', wasPaused: true })
  expect((await waybill(world, 'consumers', 'resume', 'billing')).stdout).toContain('was not paused')
})

test('renames after a dry run, and refuses already there what cannot be renamed', async () => {
  await using world = await createWorld()
  const id = await world.fail({ key: 'k' })
  await world.operations.services.pause('consumer', 'billing', { by: ADA, reason: 'So.' })
  await isThere(world, 'consumer')
  const rename = ['consumers', 'rename', 'billing', 'invoicing']
  for (const args of [rename, [...rename, '--yes']]) {
    const refused = await waybill(world, ...args)
    expect(refused).toMatchObject({ code: 6, stdout: '' })
    expect(refused.stderr).toContain('An instance of "billing" or "invoicing" is running.')
  }
  await world.pool.query('update waybill.consumer_instance set expires_at = now()')
  const dry = await waybill(world, ...rename)
  expect(dry).toMatchObject({ code: 5, stderr: '' })
  expect(dry.stdout).toContain('0 to be tried again, 0 waiting, 1 dead. It stays paused.')
  const asJson = await waybill(world, ...rename, '--json')
  expect(JSON.parse(asJson.stdout)).toMatchObject({ dryRun: true, from: 'billing', to: 'invoicing' })
  expect((await world.operations.letters.show(id)).consumer).toBe('billing')
  expect((await waybill(world, ...rename, '--yes')).code).toBe(0)
  const shown = await waybill(world, 'dead-letters', 'show', id, '--json')
  expect((JSON.parse(shown.stdout) as DeadLetter).consumer).toBe('invoicing')
  expect(await waybill(world, ...rename, '--yes')).toMatchObject({ code: 6, stdout: '' })
  expect(await waybill(world, 'consumers', 'rename', 'billing')).toMatchObject({ code: 2, stdout: '' })
})

test('takes the time that a rename takes, whatever other statements may take', async () => {
  await using world = await createWorld()
  await world.pool.query(`
    insert into waybill.inbox (message_id, consumer, fingerprint)
    select gen_random_uuid(), 'billing', 1 from generate_series(1, 200000)`)
  const env = { WAYBILL_DATABASE_URL: world.database.url, WAYBILL_DATABASE_QUERY_TIMEOUT_MS: '100' }
  const renamed = await runHere(['consumers', 'rename', 'billing', 'invoicing', '--yes'], env)
  expect(renamed).toMatchObject({ code: 0, stderr: '' })
  const left = await world.pool.query(`select from waybill.inbox where consumer = 'billing'`)
  expect(left.rowCount).toBe(0)
})
