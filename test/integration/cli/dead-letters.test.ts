import { expect, test } from 'vitest'
import type { DeadLetter, DeadLetterDetails } from '../../../src/ports.ts'
import { createWorld, type World } from '../dead-letters/world.ts'
import { runHere, runWaybill, type WaybillRun } from './run-waybill.ts'

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
    const run = await runHere(args, { WAYBILL_DATABASE_URL: world.database.url })
    expect(run, args.join(' ')).toMatchObject({ code: 2, stdout: '' })
  }
  expect((await world.operations.letters.list()).total.count).toBe(1)
})
