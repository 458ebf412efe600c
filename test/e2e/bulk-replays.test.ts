import amqp from 'amqplib'
import { expect, it } from 'vitest'
import { pgDatabase } from '../../adapters/pg/index.ts'
import { createOperations } from '../../src/ports.ts'
import { eventually } from '../support/eventually.ts'
import { createRelaySetting, type RelaySetting } from './relay-setting.ts'

const COUNT = 200
const ADA = { name: 'ada', via: 'program' } as const

/** The one queue is bound to the exchange that plain SQL writes to, or no longer. */
async function bind({ vhost }: RelaySetting, isBound: boolean): Promise<void> {
  const connection = await amqp.connect(vhost.url)
  const channel = await connection.createChannel()
  await channel[isBound ? 'bindQueue' : 'unbindQueue']('everything', 'orders.events', '#')
  await connection.close()
}

it('24: a bulk replay whose destination and relay are gone in the middle loses none, and the next one is not held up', async () => {
  await using setting = await createRelaySetting({ env: { WAYBILL_ON_UNROUTABLE: 'dead' } })
  const { bulk, letters } = createOperations({ database: pgDatabase(setting.pool) })
  await bind(setting, false)
  const first = await setting.relay({ WAYBILL_HOST: 'first' })
  for (let n = 0; n < COUNT; n += 1) await setting.write(`order-${n}`, 1)
  const dead = async (): Promise<number> => (await letters.list({ reason: 'unroutable' })).total.count
  await eventually(async () => (await dead()) === COUNT)

  await bind(setting, true)
  const request = { by: ADA, action: 'replay', selection: { filter: {} }, stopAfter: COUNT } as const
  const { id } = await bulk.start({ ...request, rate: 20 })
  await eventually(async () => (await bulk.show(id)).progress.succeeded >= 20)
  await bind(setting, false)
  setting.fault('killed', 'first')
  await first.kill('SIGKILL')
  expect((await bulk.show(id)).state).toBe('running')
  await setting.relay({ WAYBILL_HOST: 'second' })
  const ended = await eventually(async () => {
    const now = await bulk.show(id)
    return now.state === 'finished' && now
  })
  const { done, succeeded, failedAgain } = ended.progress
  expect(done).toBe(COUNT)
  expect(succeeded + failedAgain).toBe(COUNT)
  expect(failedAgain).toBeGreaterThan(0)
  expect(await dead()).toBe(failedAgain)
  const replays = await setting.pool.query('select distinct replays, state from waybill.parked')
  expect(replays.rows).toEqual([{ replays: 1, state: 'dead' }])

  await bind(setting, true)
  const next = await bulk.start({ ...request, rate: 500 })
  await eventually(async () => (await bulk.show(next.id)).state === 'finished')
  expect((await bulk.show(next.id)).progress).toMatchObject({ succeeded: failedAgain, failedAgain: 0 })
  await setting.settled()
  expect(await setting.verdict()).toMatchObject({ committed: COUNT, violations: [] })
})
