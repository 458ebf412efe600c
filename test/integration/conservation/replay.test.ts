import { expect, test } from 'vitest'
import { createMissing, writeMissing } from '../../../src/ports.ts'
import { eventually } from '../../support/eventually.ts'
import { runHere, type WaybillRun } from '../cli/run-waybill.ts'
import { createWorld, type World } from './world.ts'

const waybill = ({ producer, consumer, amqpUrl }: World, ...args: string[]): Promise<WaybillRun> =>
  runHere(['audit', '--settle', '0', '--types', 'order.placed', '--consumer', 'billing', ...args], {
    WAYBILL_DATABASE_URL: producer.url,
    WAYBILL_CONSUMER_DATABASE_URL: consumer.url,
    WAYBILL_AMQP_URL: amqpUrl,
  })

/** Messages that were handled, and then some that were lost at the broker. @returns the ids of the lost ones */
async function loseSome(world: World, handled: number, lost: number): Promise<string[]> {
  const consumer = await world.consume()
  await world.relay()
  await world.write(handled)
  await world.handled(handled)
  await consumer.stop()
  const ids = await world.write(lost)
  await world.published()
  await world.purge()
  return ids
}

const events = async ({ producer }: World): Promise<readonly object[]> =>
  (
    await producer.pool.query<object>(
      'select actor, action, target, outcome, reason, details from waybill.audit_event',
    )
  ).rows

test('what is missing is written again on demand, by its ids, and takes effect once', async () => {
  await using world = await createWorld()
  const lost = await loseSome(world, 10, 7)
  const dry = await waybill(world, '--replay')
  expect(dry, dry.stderr).toMatchObject({ code: 7 })
  expect(dry.stdout).toContain('17 published, 7 missing, 0 unexpected')
  expect(dry.stdout).toContain('It would write 7 again. Nothing was done: add --yes.')
  for (const id of lost) expect(dry.stdout).toContain(id)
  expect(await waybill(world, '--replay', '--yes', '--expect', '8')).toMatchObject({ code: 6 })
  expect(await events(world)).toEqual([])

  const done = await waybill(
    world,
    '--replay',
    '--yes',
    '--expect',
    '7',
    '--by',
    'ada',
    '--reason',
    'Purged.',
  )
  expect(done, done.stderr).toMatchObject({ code: 0 })
  expect(done.stdout).toContain('7 of 7 were written again')
  expect(await events(world)).toMatchObject([
    {
      ...{
        actor: 'ada',
        action: 'conservation.replay',
        target: 'consumer billing',
        outcome: 'done',
        reason: 'Purged.',
      },
      details: { written: 7 },
    },
  ])
  await world.consume()
  await world.handled(17)
  await world.published()
  const after = await waybill(world)
  expect(after, after.stderr).toMatchObject({ code: 0 })
  expect(after.stdout).toContain('17 published, 0 missing, 0 unexpected')
})

test('two who write the same again at the same time write it once, and it comes as it was', async () => {
  await using world = await createWorld()
  const [first] = await loseSome(world, 1, 30)
  const original = await world.producer.pool.query(
    'select payload, headers, key from waybill.history where message_id = $1',
    [first],
  )
  const found = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const missing = createMissing()
      await world.audit({ onMissing: missing.add })
      return missing
    }),
  )
  await world.relayStops()
  const by = { name: 'ada', via: 'program' } as const
  const counts = await Promise.all(
    found.map((missing) => writeMissing({ producer: world.writing, missing, by })),
  )
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(30)
  const copy = await world.producer.pool.query(
    'select payload, headers, key from waybill.outbox where message_id = $1',
    [first],
  )
  expect(copy.rows).toEqual(original.rows)
})

test('a message that other consumers have had is a duplicate to them', async () => {
  await using world = await createWorld()
  await loseSome(world, 0, 3)
  expect((await waybill(world, '--replay', '--yes')).code).toBe(0)
  await world.consume()
  await world.handled(3)
  // As if the inbox had been asked at another place: all of it once more.
  const missing = createMissing()
  const { rows } = await world.producer.pool.query<{ messageId: string; minute: number; type: string }>(
    'select message_id as "messageId", minute, type from waybill.history',
  )
  missing.add('billing', rows)
  await world.published()
  expect(await writeMissing({ producer: world.writing, missing, by: { name: 'ada', via: 'program' } })).toBe(
    3,
  )
  await world.published()
  await eventually(async () => (await world.purge()) === 0)
  await world.handled(3)
})

test('the command line says what it cannot judge, and refuses what makes no sense', async () => {
  await using world = await createWorld()
  const bare = await waybill(world)
  expect(bare).toMatchObject({ code: 5, stderr: '' })
  expect(bare.stdout).toContain('the history has nothing of what it takes')
  expect(await waybill(world, '--yes')).toMatchObject({ code: 2 })
  expect(await waybill(world, '--from', 'yesterday')).toMatchObject({ code: 2 })
  const consumer = await world.consume()
  await world.write(2)
  await consumer.stop()
  await world.relay()
  await world.published()
  const waiting = await waybill(world, '--json')
  const said = JSON.parse(waiting.stdout) as { consumers: object[]; queued: object }
  expect(waiting.code).toBe(7)
  expect(said).toMatchObject({
    consumers: [{ consumer: 'billing', missing: { count: 2 } }],
    queued: { billing: 2 },
  })
  expect((await waybill(world)).stdout).toContain('2 wait in queue billing')
})
