import { expect, test } from 'vitest'
import { pgDatabase } from '../../../adapters/pg/index.ts'
import { createWishes } from '../../../relay/upkeep/wishes.ts'
import { createOperations, silentLogger } from '../../../src/ports.ts'
import { fakeClock } from '../../../testing/fake-clock.ts'
import { eventually } from '../../support/eventually.ts'
import { createAdminWorld } from '../admin/world.ts'
import { ADA, createWorld } from '../dead-letters/world.ts'
import { createMeter } from './meter.ts'

const OLD = { by: ADA, reason: 'Old.' }

test('what operators do is counted once it is committed, by its outcome and by what became of the dead letters', async () => {
  const { telemetry, value } = createMeter()
  await using world = await createWorld({ telemetry, editing: true })
  const { letters, audit, services } = world.operations
  const count = (action: string, outcome: string): Promise<number | null> =>
    value('admin_actions_total', { action, outcome })
  expect(await count('dead-letters.discard', 'ok')).toBe(0)
  const replay = { by: ADA, idempotencyKey: 'once' }
  const replayed = await world.fail()
  for (let times = 0; times < 2; times += 1) await letters.replay(replayed, replay)
  const discarded = await world.park()
  await letters.discard(discarded, OLD)
  await expect(letters.discard(discarded, OLD)).rejects.toThrow()
  await letters.restore(discarded, { by: ADA })
  await letters.replayEdited(await world.fail(), { by: ADA, payload: Buffer.from('{}') })
  await services.pause('consumer', 'billing', { by: ADA, reason: 'It is moved.' })
  await audit.denied({ by: ADA, action: 'dead-letters.replay', target: replayed, reason: 'No role.' })
  await world.pool.query('alter table waybill.pause rename to elsewhere')
  await expect(services.resume('consumer', 'billing', { by: ADA })).rejects.toThrow()

  expect(await count('dead-letters.replay', 'ok')).toBe(1)
  expect(await count('dead-letters.replay', 'denied')).toBe(1)
  expect(await count('dead-letters.discard', 'ok')).toBe(1)
  expect(await count('dead-letters.discard', 'conflict')).toBe(1)
  expect(await count('dead-letters.restore', 'ok')).toBe(1)
  expect(await count('dead-letters.replay-edited', 'ok')).toBe(1)
  expect(await count('consumers.pause', 'ok')).toBe(1)
  expect(await count('consumers.resume', 'error')).toBe(1)
  const ended = ['replayed', 'discarded', 'edited'].map((action) =>
    value('dlq_resolved_messages_total', { outbox: 'orders', action }),
  )
  expect(await Promise.all(ended)).toEqual([1, 1, 1])
})

test('what a bulk operation does counts as if it were done one by one, and its end as well', async () => {
  const { telemetry, value } = createMeter()
  await using world = await createWorld()
  const ids = [await world.fail(), await world.fail(), await world.fail()]
  const started = await world.operations.bulk.start({
    ...{ ...OLD, action: 'discard', selection: { ids }, rate: 1000 },
  })
  await world.operations.letters.discard(ids[1] ?? '', OLD)
  // Whoever does the work tells of it: here a relay.
  const { bulk } = createOperations({ database: pgDatabase(world.pool), telemetry })
  await eventually(async () => {
    await bulk.work()
    return (await bulk.show(started.id)).state === 'finished'
  })
  const other = await bulk.start({ by: ADA, action: 'replay', selection: { ids: [await world.fail()] } })
  await bulk.cancel(other.id, { by: ADA })

  const of = (action: string, outcome: string): Promise<number | null> =>
    value('admin_bulk_operations_total', { action, outcome })
  expect(await of('discard', 'finished')).toBe(1)
  expect(await of('discard', 'cancelled')).toBe(0)
  expect(await of('replay', 'cancelled')).toBe(1)
  expect(await value('dlq_resolved_messages_total', { action: 'discarded' })).toBe(2)
  expect(await value('admin_actions_total', { action: 'dead-letters.discard', outcome: 'ok' })).toBe(2)
  expect(await value('admin_actions_total', { action: 'dead-letters.discard', outcome: 'conflict' })).toBe(1)
  expect(await value('admin_actions_total', { action: 'bulk-operations.cancel', outcome: 'ok' })).toBe(1)
})

test('requests to the admin API are measured by the pattern of their path, once each', async () => {
  const { telemetry, value } = createMeter()
  await using setting = await createAdminWorld({ admin: { telemetry } })
  const { api, world } = setting
  const id = await world.fail()
  await api.get(`/api/v1/dead-letters/${id}`)
  await api.get('/api/v1/dead-letters/in-999999')
  await api.get('/api/v1/dead-letters', { as: null })
  await api.get('/no/such/path')
  const requests = (labels: Record<string, string>): Promise<number | null> =>
    value('admin_http_request_duration_seconds', labels)
  await eventually(async () => (await requests({})) === 4)
  const letter = { method: 'GET', route: '/api/v1/dead-letters/:id' }
  expect(await requests({ ...letter, status_class: '2xx' })).toBe(1)
  expect(await requests({ ...letter, status_class: '4xx' })).toBe(1)
  expect(await requests({ route: '/api/v1/dead-letters', status_class: '4xx' })).toBe(1)
  expect(await requests({ route: 'none', status_class: '4xx' })).toBe(1)
})

test('what a relay forgets of what has ended is counted by its table', async () => {
  const { telemetry, value } = createMeter()
  await using world = await createWorld()
  const { letters, bulk } = world.operations
  telemetry.lanes?.([])
  for (const position of [1, 2]) {
    await letters.discard(await world.park({ position }), {
      ...OLD,
      idempotencyKey: `key-${String(position)}`,
    })
  }
  const { id } = await bulk.start({ by: ADA, action: 'replay', selection: { ids: [await world.fail()] } })
  await bulk.cancel(id, { by: ADA })
  for (const change of [
    `parked set ended_at = ended_at - interval '1 year'`,
    `bulk_operation set created_at = now() - interval '2 years', ended_at = now() - interval '1 year'`,
    `idempotency_key set created_at = now() - interval '2 days'`,
  ]) {
    await world.pool.query(`update waybill.${change}`)
  }
  const removed = (table: string): Promise<number | null> =>
    value('outbox_cleanup_deleted_rows_total', { outbox: 'orders', table })
  expect(await removed('parked')).toBe(0)
  expect(await value('outbox_cleanup_last_success_timestamp_seconds')).toBe(0)
  const clock = fakeClock()
  const wishes = createWishes({
    ...{ deadLetters: pgDatabase(world.pool).deadLetters, clock, telemetry, logger: silentLogger, host: 'h' },
    onPaused: () => undefined,
    onError: () => 1000,
  })
  wishes.start()
  await eventually(async () => {
    await clock.advance(3_600_000)
    return (await removed('idempotency_key')) === 2
  })
  await wishes.stop()
  expect(await Promise.all([removed('parked'), removed('bulk_operation')])).toEqual([2, 1])
  expect(await value('outbox_cleanup_last_success_timestamp_seconds')).toBeGreaterThan(0)
})
