import { expect, test } from 'vitest'
import { runCli } from '../../../relay/cli/cli.ts'
import { COMMANDS } from '../../../relay/cli/commands.ts'
import type { DeadLetter, DeadLetterDetails } from '../../../src/ports.ts'
import { createWorld, type World } from '../dead-letters/world.ts'
import { runWaybill, type WaybillRun } from './run-waybill.ts'

const waybill = ({ database }: World, ...args: string[]): Promise<WaybillRun> =>
  runWaybill(args, { WAYBILL_DATABASE_URL: database.url })

test('lists, shows and repairs one, and says who it was', async () => {
  await using world = await createWorld()
  const id = await world.fail({ key: 'k', error: 'No such\u001b[2J customer.\nAt all.' })
  await world.park()
  const listed = await waybill(world, 'dead-letters', 'list', '--consumer', 'billing')
  expect(listed).toMatchObject({ code: 0, stderr: '' })
  expect(listed.stdout).toMatch(/^ID +FAILED AT/)
  expect(listed.stdout).toContain('No such [2J customer. At all.')
  expect(listed.stdout).toContain('1 in all.')
  const shown = await waybill(world, 'dead-letters', 'show', id, '--payload', '--json')
  expect(JSON.parse(shown.stdout)).toMatchObject({
    id,
    payload: { encoding: 'utf8', body: '{"total":20}' },
  } satisfies Partial<DeadLetterDetails & { payload: object }>)
  const replayed = await waybill(world, 'dead-letters', 'replay', id, '--by', 'ada', '--json')
  expect(replayed.code).toBe(0)
  expect(JSON.parse(replayed.stdout)).toMatchObject({ id, state: 'retry', replays: 1 })
  const again = await waybill(world, 'dead-letters', 'replay', id)
  expect(again).toMatchObject({ code: 6, stdout: '' })
  expect(again.stderr).toContain(`${id} is retry`)
  expect((await world.operations.audit.list({ target: id, actor: 'ada' })).items).toMatchObject([
    { via: 'cli' },
  ])
})

test('counts first when it is about more than one, and does it when told so', async () => {
  await using world = await createWorld()
  for (let i = 0; i < 3; i += 1) await world.fail({ key: 'k', blocking: i === 0 })
  const parked = await world.park()
  const dry = await waybill(world, 'dead-letters', 'discard', '--consumer', 'billing', '--reason', 'Old.')
  expect(dry.code).toBe(5)
  expect(dry.stdout).toContain('It would discard 3. Nothing was done: add --yes.')
  expect((await world.operations.letters.list()).total.count).toBe(4)
  const done = await waybill(
    world,
    ...[
      'dead-letters',
      'discard',
      '--consumer',
      'billing',
      '--reason',
      'Old.',
      '--yes',
      '--rate',
      '100',
      '--json',
    ],
  )
  expect(done.code, done.stderr).toBe(0)
  expect(JSON.parse(done.stdout)).toMatchObject({ state: 'finished', progress: { done: 3, succeeded: 3 } })
  const exported = await waybill(world, 'dead-letters', 'export')
  const lines = exported.stdout.trim().split('\n')
  expect(lines.map((line) => (JSON.parse(line) as DeadLetter).id)).toEqual([parked])
})

test('refuses what cannot be meant with code 2, and touches nothing', async () => {
  await using world = await createWorld()
  await world.fail()
  for (const args of [
    ['dead-letters'],
    ['dead-letters', 'destroy'],
    ['dead-letters', 'replay'],
    ['dead-letters', 'replay', 'in-1', '--all'],
    ['dead-letters', 'show', "in-1' or true"],
    ['dead-letters', 'list', '--from', 'yesterday'],
    ['dead-letters', 'discard', 'in-1'],
    ['relays', 'pause', '*'],
  ]) {
    const run = await here(world, args)
    expect(run, args.join(' ')).toMatchObject({ code: 2, stdout: '' })
  }
  expect((await world.operations.letters.list()).total.count).toBe(1)
})

test('pauses, resumes and renames, and refuses to rename what runs', async () => {
  await using world = await createWorld()
  await world.fail({ key: 'k' })
  const { pool } = world
  await pool.query(
    `insert into waybill.inbox (message_id, consumer, fingerprint) values (gen_random_uuid(), 'billing', 1)`,
  )
  await pool.query(`insert into waybill.inbox_retention (consumer, retention_ms) values ('billing', 1)`)
  await pool.query(`insert into waybill.partition_plan values ('billing', 'billing', 4, 10)`)
  await pool.query(
    `insert into waybill.partition (consumer, partition) values ('billing', 0), ('billing', 1)`,
  )
  await pool.query(`insert into waybill.consumer_instance values
    (gen_random_uuid(), 'billing', 'billing', 'key', 'h', now(), now() + interval '1 minute')`)
  const paused = await waybill(
    world,
    'consumers',
    'pause',
    'billing',
    '--reason',
    'Its database moves.',
    '--by',
    'ada',
  )
  expect(paused).toMatchObject({ code: 0 })
  const listed = await waybill(world, 'consumers', 'list')
  expect(listed.stdout).toMatch(/billing +billing +1 +0 +0 +1 +by ada: Its database moves\./)
  const rename = ['consumers', 'rename', 'billing', 'invoicing']
  expect(await waybill(world, ...rename)).toMatchObject({ code: 5 })
  const refused = await waybill(world, ...rename, '--yes')
  expect(refused.code).toBe(6)
  expect(refused.stderr).toContain('An instance of "billing" or "invoicing" is running.')
  await pool.query(`update waybill.consumer_instance set expires_at = now()`)
  expect(await waybill(world, ...rename, '--yes')).toMatchObject({ code: 0 })
  for (const table of ['inbox', 'inbox_retention', 'partition_plan', 'partition', 'failure']) {
    const names = await pool.query<{ consumer: string }>(`select distinct consumer from waybill.${table}`)
    expect(names.rows, table).toEqual([{ consumer: 'invoicing' }])
  }
  expect((await pool.query(`select kind, name from waybill.pause`)).rows).toEqual([
    { kind: 'consumer', name: 'invoicing' },
  ])
  expect(await waybill(world, ...rename, '--yes')).toMatchObject({ code: 6 })
  const resumed = await waybill(world, 'consumers', 'resume', 'invoicing', '--json')
  expect(JSON.parse(resumed.stdout)).toMatchObject({ wasPaused: true })
})

/** In this process, which is quicker where nothing but the answer counts. */
async function here({ database }: World, args: readonly string[]): Promise<WaybillRun> {
  const printed = { stdout: '', stderr: '' }
  const code = await runCli(args, COMMANDS, {
    env: { WAYBILL_DATABASE_URL: database.url },
    stdout: (text) => (printed.stdout += text),
    stderr: (text) => (printed.stderr += text),
  })
  return { code, ...printed }
}
