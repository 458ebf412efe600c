import { expect } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { backlogOf, disconnected, inFlight, lostSoFar, quieten, reconnected } from './facts.ts'
import { scenario, useServers } from './scenario.ts'
import { underLoad } from './stage.ts'
import { sum, type Sample } from './watch.ts'

const servers = useServers()

scenario('P1: idle connections are reset', { servers, consumers: 0 }, async (scene) => {
  const { stage } = scene
  await quieten(scene)
  const lost = await lostSoFar(scene)
  stage.proxies.relayBroker.reset()
  // Nothing was in flight: there is nothing to publish again.
  scene.fault('reset', 0)
  await reconnected(scene, lost)
  await scene.join('writer')
})

scenario('P2: connections are reset with messages in flight', { servers }, async (scene) => {
  const { stage } = scene
  const { relayBroker } = stage.proxies
  for (let time = 0; time < 5; time += 1) {
    const lost = await lostSoFar(scene)
    await underLoad(stage)
    await inFlight(scene, scene.first('relay'))
    relayBroker.reset()
    scene.fault('reset', 2)
    relayBroker.latency(0)
    await reconnected(scene, lost)
  }
})

scenario(
  'P3, 2: the broker has the messages, and the connection ends before it can say so',
  { servers },
  async (scene) => {
    const { stage } = scene
    const { relayBroker } = stage.proxies
    relayBroker.holdConfirms(true)
    relayBroker.reset()
    scene.fault('reset', 2)
    // What arrives now arrives a second time, for its confirm never comes.
    const [one] = scene.alive('relay')
    await scene.says(one!, (sample) => sum(sample, 'outbox_inflight_messages') > 0)
    await underLoad(stage, 5)
    relayBroker.reset()
    scene.fault('confirms lost', 2)
    relayBroker.holdConfirms(false)
    const distinct = () => new Set(stage.history.arrivals.map(({ messageId }) => messageId)).size
    await eventually(() => stage.history.arrivals.length > distinct())
  },
)

scenario('P4: what the broker says no longer comes through', { servers }, async (scene) => {
  const { stage } = scene
  const lost = await lostSoFar(scene)
  stage.proxies.relayBroker.blackhole('down')
  scene.fault('black hole', 2)
  for (const relay of scene.alive('relay')) {
    const sample = await scene.says(relay, (now) => sum(now, 'outbox_broker_connected') === 0)
    // Others cannot mend it, and messages are safe: it stays in service, and says so.
    expect(sample.ready).toBe(200)
    expect(sample.reasons).toContain('degraded')
  }
  stage.proxies.relayBroker.blackhole('none')
  await reconnected(scene, lost)
})

scenario('P5: the broker stands still', { servers }, async (scene) => {
  const { stage } = scene
  const { rabbitmq } = stage.servers
  const lost = await lostSoFar(scene)
  const { accepted } = stage.proxies.relayBroker
  rabbitmq.pause()
  scene.fault('broker frozen', 2)
  try {
    await disconnected(scene)
    // Each has tried again, and given that up too: nothing waits for a frozen broker without end.
    await eventually(() => stage.proxies.relayBroker.accepted >= accepted + 6, { timeoutMs: 60_000 })
  } finally {
    rabbitmq.resume()
  }
  await reconnected(scene, lost)
})

scenario('P6: the broker is killed under load', { servers }, async (scene) => {
  const { rabbitmq } = scene.stage.servers
  const lost = await lostSoFar(scene)
  await rabbitmq.kill('SIGKILL')
  scene.fault('broker killed', 2)
  await disconnected(scene)
  await rabbitmq.start()
  await reconnected(scene, lost)
})

scenario('P7, 4: the broker is stopped in order, and is away for a while', { servers }, async (scene) => {
  const { rabbitmq } = scene.stage.servers
  const lost = await lostSoFar(scene)
  await rabbitmq.ctl('stop_app')
  scene.fault('broker stopped', 2)
  await disconnected(scene)
  // Messages are written all the while.
  await backlogOf(scene.stage, 300)
  await rabbitmq.ctl('start_app')
  await reconnected(scene, lost)
  const { rows } = await scene.stage.pool.query('select from waybill.parked')
  expect(rows, 'no attempt was spent').toEqual([])
})

scenario('P8: all connections are closed again and again', { servers }, async (scene) => {
  const { stage } = scene
  const lost = await lostSoFar(scene)
  for (let time = 0; time < 4; time += 1) {
    await stage.servers.rabbitmq.ctl('close_all_connections', '-p', stage.vhost, 'again')
    scene.fault('connections closed', 2)
  }
  await reconnected(scene, lost)
})

scenario(
  'P22: the connection breaks at every step of being opened',
  { servers, consumers: 0, relays: 1 },
  async (scene) => {
    const { relayBroker } = scene.stage.proxies
    const lost = await lostSoFar(scene)
    for (let bytes = 1; bytes < 1_400; bytes += 70) {
      const { accepted } = relayBroker
      relayBroker.cutAfter({ direction: bytes % 140 === 1 ? 'down' : 'up', bytes })
      relayBroker.reset()
      scene.fault('cut while opening', 1)
      await eventually(() => relayBroker.accepted > accepted)
    }
    relayBroker.cutAfter(null)
    relayBroker.reset()
    await reconnected(scene, lost)
  },
)

/** On average, of what was confirmed between two samples. */
function secondsToConfirm(before: Sample, after: Sample): number {
  const more = (what: 'sum' | 'count'): number =>
    sum(after, `outbox_publish_confirm_duration_seconds_${what}`) -
    sum(before, `outbox_publish_confirm_duration_seconds_${what}`)
  return more('count') === 0 ? 0 : more('sum') / more('count')
}

scenario('P23, 28: the broker answers half a second late', { servers }, async (scene) => {
  const { stage } = scene
  const one = scene.first('relay')
  const before = await scene.sample(one)
  stage.proxies.relayBroker.latency(250)
  await underLoad(stage, 300)
  const slow = await scene.says(one, (sample) => secondsToConfirm(before, sample) > 0.3)
  scene.fault('latency', 0)
  expect(sum(slow, 'outbox_inflight_messages')).toBeLessThanOrEqual(200)
  // No transaction is open while the broker is waited for.
  const { rows } = await stage.pool.query(
    `select from pg_stat_activity where datname = current_database() and application_name like 'waybill%'
       and xact_start < clock_timestamp() - interval '200 ms'`,
  )
  expect(rows).toEqual([])
  stage.proxies.relayBroker.latency(0)
})
