import { expect } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { onChannel } from '../support/on-channel.ts'
import { throughout } from '../support/throughout.ts'
import { allSay, backlogOf, lostSoFar, owners, reconnected, shared, takenOver, totalOf } from './facts.ts'
import type { Scene } from './scene.ts'
import { scenario, useServers } from './scenario.ts'
import { underLoad } from './stage.ts'
import { sum } from './watch.ts'

const servers = useServers()

const alarm = (scene: Scene, on: boolean): Promise<string> =>
  scene.stage.servers.rabbitmq.eval(
    on
      ? 'rabbit_alarm:set_alarm({{resource_limit, memory, node()}, []}).'
      : 'rabbit_alarm:clear_alarm({resource_limit, memory, node()}).',
  )

/** While the broker is short of memory; all relays have been told so. */
async function duringAlarm(scene: Scene, work: () => Promise<void>): Promise<void> {
  await alarm(scene, true)
  try {
    await allSay(scene, 'relay', (sample) => sum(sample, 'outbox_broker_blocked') === 1)
    scene.fault('memory alarm', 0)
    await work()
  } finally {
    await alarm(scene, false)
  }
}

/** Waits until messages of the other exchanges arrive while those of `gated` wait. */
async function othersFlow(scene: Scene, gated: string): Promise<void> {
  const closed = () =>
    totalOf(scene, 'relay', (sample) => sum(sample, 'outbox_gates_closed_total', `exchange="${gated}"`))
  await eventually(async () => (await closed()) > 0)
  await underLoad(scene.stage, 50)
  const { rows } = await scene.stage.pool.query<{ n: number }>(
    'select count(*)::int as n from waybill.outbox where exchange = $1',
    [gated],
  )
  expect(rows[0]?.n).toBeGreaterThan(0)
}

scenario('P9: the broker is short of memory, and then no more', { servers, consumers: 0 }, async (scene) => {
  const { stage } = scene
  const gates = sum(await scene.sample(scene.first('relay')), 'outbox_gates_closed_total')
  const before = await shared(scene)
  await duringAlarm(scene, async () => {
    await backlogOf(stage, 300)
    const sample = await scene.sample(scene.first('relay'))
    expect(sample.ready).toBe(200)
    expect(sample.reasons).toContain('degraded')
    // Longer than a confirm may take otherwise: what is blocked is not stuck.
    await throughout(2_500, async () => {
      expect(sum(await scene.sample(scene.first('relay')), 'outbox_gates_closed_total')).toBe(gates)
      expect(await owners(stage)).toEqual(before)
    })
  })
})

scenario(
  'P10: a relay is killed while the broker takes nothing',
  { servers, consumers: 0 },
  async (scene) => {
    const victim = scene.first('relay')
    await duringAlarm(scene, async () => {
      await victim.child.kill('SIGKILL')
      scene.fault('relay killed', 1)
      await takenOver(scene.stage, victim)
    })
  },
)

scenario(
  'P11: a relay is stopped while the broker takes nothing',
  { servers, consumers: 0 },
  async (scene) => {
    const leaving = scene.first('relay')
    await duringAlarm(scene, async () => {
      const startedAt = performance.now()
      expect(await leaving.child.kill('SIGTERM')).toEqual({ code: 0, signal: null })
      expect(performance.now() - startedAt).toBeLessThan(15_000)
      scene.fault('relay stopped', 1)
      await takenOver(scene.stage, leaving)
    })
  },
)

scenario('P12, 1: an exchange is deleted, and declared again', { servers, consumers: 0 }, async (scene) => {
  const { stage } = scene
  await onChannel(stage.amqpUrl, (channel) => channel.deleteExchange('fault.red'))
  scene.fault('exchange deleted', 2)
  await othersFlow(scene, 'fault.red')
  await stage.tap.bind()
})

scenario('P13, 3: no queue is bound for a while', { servers, consumers: 0 }, async (scene) => {
  const { stage } = scene
  await onChannel(stage.amqpUrl, (channel) => channel.unbindQueue('tap', 'fault.green', 'fault.*'))
  scene.fault('unbound', 0)
  const returned = () =>
    totalOf(scene, 'relay', (sample) => sum(sample, 'outbox_publish_failures_total', 'reason="unroutable"'))
  await eventually(async () => (await returned()) > 0)
  await underLoad(stage, 50)
  await stage.tap.bind()
})

/** Attempts that the broker has not confirmed arrive at the other queues all the same, and are made again. */
async function everyAttemptArrives(scene: Scene): Promise<void> {
  const failed = await totalOf(scene, 'relay', (sample) => sum(sample, 'outbox_publish_failures_total'))
  expect(failed).toBeGreaterThan(0)
  scene.fault('attempts failed', 2, failed)
}

scenario(
  'P14: a queue is full and the broker refuses',
  { servers, consumers: 0, relayEnv: { WAYBILL_RETRY_ATTEMPTS: '1000' } },
  async (scene) => {
    const { stage } = scene
    const full = { durable: true, arguments: { 'x-max-length': 1, 'x-overflow': 'reject-publish' } }
    await onChannel(stage.amqpUrl, async (channel) => {
      await channel.assertQueue('full', full)
      await channel.bindQueue('full', 'fault.blue', 'fault.*')
    })
    scene.fault('queue full', 2)
    const refused = () =>
      totalOf(scene, 'relay', (sample) => sum(sample, 'outbox_publish_failures_total', 'reason="refused"'))
    await eventually(async () => (await refused()) > 10)
    await underLoad(stage, 50)
    await onChannel(stage.amqpUrl, (channel) => channel.deleteQueue('full'))
    await everyAttemptArrives(scene)
  },
)

scenario('P17: a queue stands still and confirms nothing', { servers, consumers: 0 }, async (scene) => {
  const { stage } = scene
  const { rabbitmq } = stage.servers
  await onChannel(stage.amqpUrl, async (channel) => {
    await channel.assertQueue('frozen', { durable: true, arguments: { 'x-queue-type': 'quorum' } })
    await channel.bindQueue('frozen', 'fault.red', 'fault.*')
  })
  const server = `{list_to_atom("${stage.vhost}_frozen"), node()}`
  await rabbitmq.eval(`ra:stop_server(quorum_queues, ${server}).`)
  scene.fault('queue frozen', 2)
  await othersFlow(scene, 'fault.red')
  await rabbitmq.eval(`ra:restart_server(quorum_queues, ${server}).`)
  await everyAttemptArrives(scene)
})

/** Starts a relay that has a user of its own, whom the broker may turn away. */
async function withOwnUser(scene: Scene, user: string): Promise<void> {
  const { rabbitmq } = scene.stage.servers
  const { vhost, proxies, amqpUrl } = scene.stage
  await rabbitmq.ctl('add_user', user, 'right')
  await rabbitmq.ctl('set_permissions', '-p', vhost, user, '.*', '.*', '.*')
  const url = new URL(proxies.relayBroker.url(amqpUrl))
  url.username = user
  url.password = 'right'
  await scene.join('relay', {}, { WAYBILL_AMQP_URL: url.href })
}

/** Makes the relays open their connections anew, so that the broker looks again at what they may do. */
const closeConnections = ({ stage }: Scene): Promise<string> =>
  stage.servers.rabbitmq.ctl('close_all_connections', '-p', stage.vhost, 'anew')

scenario(
  'P19: the right to publish to one exchange is taken away',
  { servers, consumers: 0, relays: 0, prepare: (scene) => withOwnUser(scene, 'narrow') },
  async (scene) => {
    const { rabbitmq } = scene.stage.servers
    const { vhost } = scene.stage
    await rabbitmq.ctl('set_permissions', '-p', vhost, 'narrow', '.*', 'fault.(green|blue)', '.*')
    await closeConnections(scene)
    scene.fault('forbidden', 1)
    await othersFlow(scene, 'fault.red')
    await rabbitmq.ctl('set_permissions', '-p', vhost, 'narrow', '.*', '.*', '.*')
  },
)

scenario(
  'P20: the password is wrong for a while',
  { servers, consumers: 0, relays: 0, prepare: (scene) => withOwnUser(scene, 'turned') },
  async (scene) => {
    const { rabbitmq } = scene.stage.servers
    const relay = scene.first('relay')
    const lost = await lostSoFar(scene)
    await rabbitmq.ctl('change_password', 'turned', 'other')
    await closeConnections(scene)
    scene.fault('wrong password', 1)
    await relay.child.line(/ACCESS.REFUSED/, 30_000)
    const refused = await scene.says(relay, (sample) => sum(sample, 'outbox_broker_connected') === 0)
    expect(refused.ready).toBe(200)
    await rabbitmq.ctl('change_password', 'turned', 'right')
    await reconnected(scene, lost)
    expect(relay.alive).toBe(true)
  },
)
