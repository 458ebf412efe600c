import pg from 'pg'
import { expect } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { openTransaction } from './extra.ts'
import { allSay } from './facts.ts'
import { scenario, useServers } from './scenario.ts'
import { underLoad } from './stage.ts'

const servers = useServers()

scenario('26: the database restarts', { servers }, async (scene) => {
  const { postgres } = scene.stage.servers
  await postgres.stop('fast')
  scene.fault('database stopped', 2)
  for (const relay of scene.alive('relay')) {
    const sample = await scene.says(relay, ({ ready }) => ready === 503)
    expect(sample.reasons).toContain('database')
  }
  await postgres.start()
  await allSay(scene, 'relay', ({ ready }) => ready === 200)
  // Repeats are told now and then, not each time.
  for (const { child } of scene.alive('relay')) expect(child.output.split('\n').length).toBeLessThan(200)
})

scenario('26: the database crashes under load', { servers }, async (scene) => {
  const { postgres } = scene.stage.servers
  for (let time = 0; time < 2; time += 1) {
    await underLoad(scene.stage, 20)
    await postgres.kill('SIGKILL')
    scene.fault('database killed', 2)
    await postgres.start()
    await allSay(scene, 'relay', ({ ready }) => ready === 200)
  }
})

scenario('32: the database stands still, its connections open', { servers }, async (scene) => {
  const { postgres } = scene.stage.servers
  postgres.pause()
  scene.fault('database frozen', 2)
  try {
    await allSay(scene, 'relay', ({ ready }) => ready === 503)
  } finally {
    postgres.resume()
  }
  await allSay(scene, 'relay', ({ ready }) => ready === 200)
})

scenario('8, 32: what the database says no longer comes through', { servers }, async (scene) => {
  const { relayDatabase } = scene.stage.proxies
  relayDatabase.blackhole('down')
  scene.fault('black hole', 2)
  await allSay(scene, 'relay', ({ ready }) => ready === 503)
  relayDatabase.reset()
  relayDatabase.blackhole('none')
  await allSay(scene, 'relay', ({ ready }) => ready === 200)
})

scenario('8: connections lie idle and are forgotten on the way', { servers }, async (scene) => {
  const { relayDatabase, relayBroker } = scene.stage.proxies
  relayDatabase.strand()
  relayBroker.strand()
  scene.fault('forgotten', 2)
  const { accepted } = relayDatabase
  await eventually(() => relayDatabase.accepted >= accepted + 2)
  await allSay(scene, 'relay', ({ ready }) => ready === 200)
})

scenario('12, 40: a transaction is open for long, and commits at last', { servers }, async (scene) => {
  const { stage } = scene
  const open = await openTransaction(stage, { key: 'long' })
  scene.fault('long transaction', 0)
  // Others do not wait for it.
  await underLoad(stage, 300)
  expect(stage.history.arrivals.some(({ messageId }) => messageId === open.messageId)).toBe(false)
  await open.commit()
  await eventually(() => stage.history.arrivals.some(({ messageId }) => messageId === open.messageId))
})

scenario('13: a transaction holds on to what was removed', { servers, consumers: 0 }, async (scene) => {
  const { stage } = scene
  const client = new pg.Client({ connectionString: stage.databaseUrl, application_name: 'judge' })
  await client.connect()
  await client.query('begin isolation level repeatable read')
  await client.query('select count(*) from waybill.outbox')
  scene.fault('old snapshot', 0)
  await underLoad(stage, 500)
  const held = await stage.pool.query(
    `select from pg_stat_activity where state = 'idle in transaction' and backend_xmin is not null
       and application_name = 'judge' and xact_start < clock_timestamp() - interval '1 second'`,
  )
  expect(held.rowCount).toBe(1)
  await client.query('commit')
  await client.end()
})

scenario('21, C7: the database of the consumer is out of reach for a while', { servers }, async (scene) => {
  const { stage } = scene
  const { consumerDatabase } = stage.proxies
  consumerDatabase.blackhole('both')
  consumerDatabase.reset()
  scene.fault('consumer without database', 0)
  const consumer = scene.first('consumer')
  await scene.says(consumer, ({ metrics }) => metrics.get('inbox_holding{consumer="ledger"}') === 1)
  // What arrives meanwhile waits.
  await underLoad(stage, 200)
  consumerDatabase.blackhole('none')
  consumerDatabase.reset()
  await scene.says(consumer, ({ metrics }) => metrics.get('inbox_holding{consumer="ledger"}') === 0)
  const { rows } = await stage.pool.query('select from waybill.failure')
  expect(rows, 'no attempt was spent').toEqual([])
})
