import { expect, test } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { createAdminWorld } from '../admin/world.ts'
import { ADA, createWorld } from '../dead-letters/world.ts'
import { createMeter } from './meter.ts'

const BY = { by: ADA }
const WHY = { by: ADA, reason: 'It is moved.' }

/** All that operators change. */
const ACTIONS = [
  ...['dead-letters.replay', 'dead-letters.replay-edited', 'dead-letters.discard', 'dead-letters.restore'],
  ...['bulk-operations.start', 'bulk-operations.pause', 'bulk-operations.resume', 'bulk-operations.cancel'],
  ...['consumers.pause', 'consumers.resume', 'consumers.rename', 'relays.pause', 'relays.resume'],
]

test('everything that operators can do is counted as what it is, once', async () => {
  const { telemetry, value } = createMeter()
  await using world = await createWorld({ telemetry, editing: true })
  const { letters, bulk, services } = world.operations
  const count = (action: string): Promise<number | null> =>
    value('admin_actions_total', { action, outcome: 'ok' })
  expect(await Promise.all(ACTIONS.map(count))).toEqual(ACTIONS.map(() => 0))

  await letters.replay(await world.fail(), BY)
  await letters.replayEdited(await world.fail(), { ...BY, payload: Buffer.from('{}') })
  const discarded = await world.fail()
  await letters.discard(discarded, WHY)
  await letters.restore(discarded, BY)
  const { id } = await bulk.start({ ...BY, action: 'replay', selection: { ids: [discarded] } })
  for (const step of ['pause', 'resume', 'cancel'] as const) await bulk[step](id, BY)
  for (const [kind, name] of [
    ['consumer', 'billing'],
    ['relay', '*'],
  ] as const) {
    await services.pause(kind, name, WHY)
    await services.resume(kind, name, BY)
  }
  await services.rename('billing', 'invoicing', BY)

  expect(await Promise.all(ACTIONS.map(count))).toEqual(ACTIONS.map(() => 1))
  expect(await value('admin_actions_total')).toBe(ACTIONS.length)
})

test('bulk operations end in one of two ways, each counted by what they do', async () => {
  const { telemetry, value } = createMeter()
  await using world = await createWorld({ telemetry })
  const { bulk } = world.operations
  const start = async (action: 'replay' | 'discard'): Promise<string> => {
    const { id } = await bulk.start({ ...WHY, action, selection: { ids: [await world.fail()] } })
    return id
  }
  const finished = (id: string): Promise<true> =>
    eventually(async () => {
      await bulk.work()
      return (await bulk.show(id)).state === 'finished'
    })
  for (const action of ['replay', 'discard'] as const) await bulk.cancel(await start(action), BY)
  await finished(await start('discard'))
  const replayed = await start('replay')
  await eventually(async () => {
    await bulk.work()
    return (await bulk.show(replayed)).state === 'watching'
  })
  // As its consumer leaves it that has handled it.
  await world.pool.query(
    `update waybill.failure set state = 'resolved', next_attempt_at = null, ended_at = now() where state = 'retry'`,
  )
  await finished(replayed)
  for (const action of ['replay', 'discard']) {
    for (const outcome of ['finished', 'cancelled']) {
      expect(await value('admin_bulk_operations_total', { outbox: 'orders', action, outcome })).toBe(1)
    }
  }
})

test('requests are told apart by method and by how they were answered, also those that the database lets down', async () => {
  const { telemetry, value, sum } = createMeter()
  await using setting = await createAdminWorld({ admin: { telemetry } })
  const { api, world } = setting
  const id = await world.fail()
  await api.post(`/api/v1/dead-letters/${id}/replay`)
  await api.get('/api/v1/stats')
  await world.pool.query('alter table waybill.relay rename to elsewhere')
  expect((await api.get('/api/v1/relays')).status).toBeGreaterThanOrEqual(500)
  const requests = (labels: Record<string, string>): Promise<number | null> =>
    value('admin_http_request_duration_seconds', labels)
  await eventually(async () => (await requests({})) === 3)
  const replay = { method: 'POST', route: '/api/v1/dead-letters/:id/replay', status_class: '2xx' }
  expect(await requests(replay)).toBe(1)
  expect(await sum('admin_http_request_duration_seconds', replay)).toBeGreaterThan(0)
  expect(await sum('admin_http_request_duration_seconds', replay)).toBeLessThan(60)
  expect(await requests({ method: 'GET', route: '/api/v1/relays', status_class: '5xx' })).toBe(1)
})
