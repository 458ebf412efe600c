import { expect } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { onChannel } from '../support/on-channel.ts'
import { goesOn, goesQuiet, handles, known } from './consumer-facts.ts'
import { write } from './extra.ts'
import { scenario, useServers } from './scenario.ts'
import { underLoad } from './stage.ts'
import { sum } from './watch.ts'

const servers = useServers()

scenario('C1: the channel is lost between commit and ack', { servers }, async (scene) => {
  const { consumerBroker } = scene.stage.proxies
  // What the consumer answers is held back while it goes on committing; then its connection is gone.
  const before = await known(scene)
  await eventually(
    async () => {
      consumerBroker.blackhole('up')
      await underLoad(scene.stage, 20)
      consumerBroker.reset()
      consumerBroker.blackhole('none')
      scene.fault('acks lost', 0)
      await goesOn(scene)
      return (await known(scene)) > before
    },
    { timeoutMs: 90_000 },
  )
})

for (const mode of ['key', 'unordered'] as const) {
  scenario(
    `C2, C12 (${mode}): consumers are killed in the middle of their handlers`,
    { servers, consumers: 2, process: { mode } },
    async (scene) => {
      for (let time = 0; time < 3; time += 1) {
        const victim = scene.first('consumer')
        await goesOn(scene)
        for (let n = 0; n < 4; n += 1) {
          await write(scene.stage, { key: `long-${time}-${n}`, act: { kind: 'hang', ms: 1_000 } })
        }
        await handles(scene, victim)
        await victim.child.kill('SIGKILL')
        scene.fault('consumer killed', 0)
        await scene.join('consumer')
        await goesOn(scene)
      }
    },
  )

  scenario(
    `C13, C14, 10 (${mode}): consumers are replaced in order, ten times`,
    { servers, consumers: 2, process: { mode } },
    async (scene) => {
      for (let time = 0; time < 10; time += 1) {
        const old = scene.first('consumer')
        await scene.join('consumer')
        expect(await old.child.kill('SIGTERM')).toEqual({ code: 0, signal: null })
        scene.fault('consumer replaced', 0)
      }
      const { rows } = await scene.stage.pool.query(`select from waybill.failure where state = 'dead'`)
      expect(rows).toEqual([])
    },
  )
}

scenario(
  'C2: a message brings its process down each time',
  { servers, process: { mode: 'unordered' }, revives: true },
  async (scene) => {
    const id = await write(scene.stage, { key: 'poison', act: { kind: 'crash', times: 100 } })
    const state = async (): Promise<string | undefined> => {
      const { rows } = await scene.stage.pool.query<{ state: string; reason: string }>(
        'select state, reason from waybill.failure where message_id = $1',
        [id],
      )
      return rows[0] && `${rows[0].state} ${rows[0].reason}`
    }
    await eventually(async () => (await state()) === 'dead poison_crash', {
      timeoutMs: 120_000,
      everyMs: 200,
    })
    scene.fault('poison', 0)
  },
)

scenario('C4: the channel is lost while handlers run', { servers }, async (scene) => {
  for (let time = 0; time < 5; time += 1) {
    await write(scene.stage, { key: `slow-${time}`, act: { kind: 'hang', ms: 1_500 } })
    await handles(scene, scene.first('consumer'))
    scene.stage.proxies.consumerBroker.reset()
    scene.fault('channel lost', 0)
  }
  await goesOn(scene)
})

scenario(
  'C5, P13: a queue is deleted while it is consumed',
  { servers, process: { mode: 'unordered' } },
  async (scene) => {
    const { stage } = scene
    // What is in it is lost by whoever deletes it: nothing of ours may be in it then.
    await Promise.all(scene.alive('writer').map(({ child }) => child.kill('SIGTERM')))
    await eventually(() =>
      onChannel(stage.amqpUrl, async (channel) => (await channel.checkQueue('ledger')).messageCount === 0),
    )
    await goesQuiet(scene)
    await onChannel(stage.amqpUrl, (channel) => channel.deleteQueue('ledger'))
    scene.fault('queue deleted', 0)
    await eventually(
      () =>
        onChannel(stage.amqpUrl, async (channel) => (await channel.checkQueue('ledger')).consumerCount === 1),
      {
        timeoutMs: 30_000,
      },
    )
    await scene.join('writer')
    await goesOn(scene)
  },
)

scenario(
  'C6, 30: a handler takes longer than the broker waits for an answer',
  { servers, process: { mode: 'unordered' } },
  async (scene) => {
    const { rabbitmq } = scene.stage.servers
    const limit = (ms: number): Promise<string> =>
      rabbitmq.eval(
        `application:set_env(rabbit, consumer_timeout, ${ms}), application:set_env(rabbit, channel_tick_interval, 200).`,
      )
    // A channel keeps the limit that it began with: the one after the loss has all the time it wants.
    await limit(2_000)
    const { consumerBroker } = scene.stage.proxies
    const { accepted } = consumerBroker
    consumerBroker.reset()
    await eventually(() => consumerBroker.accepted > accepted)
    await goesOn(scene)
    await limit(1_800_000)
    const before = consumerBroker.accepted
    await write(scene.stage, { key: 'slow', act: { kind: 'hang', ms: 5_000 } })
    await eventually(
      () => consumerBroker.accepted > before || scene.first('consumer').child.output.includes('PRECONDITION'),
      {
        timeoutMs: 30_000,
      },
    )
    scene.fault('consumer timeout', 0)
    await goesOn(scene)
  },
)

scenario(
  'C8: the database of the consumer is away for longer than it holds',
  { servers, process: { holdMaxMs: 1_500 } },
  async (scene) => {
    const { stage } = scene
    const consumer = scene.first('consumer')
    stage.proxies.consumerDatabase.blackhole('both')
    stage.proxies.consumerDatabase.reset()
    scene.fault('consumer without database', 0)
    await scene.says(consumer, (sample) => sum(sample, 'inbox_consumer_connected') === 0)
    stage.proxies.consumerDatabase.blackhole('none')
    stage.proxies.consumerDatabase.reset()
    await goesOn(scene)
    const { rows } = await stage.pool.query('select from waybill.failure')
    expect(rows, 'no attempt was spent').toEqual([])
  },
)

scenario(
  'C10, C11, 22, 23: some messages fail now and then, some for ever',
  {
    ...{ servers, consumers: 2, process: { acts: 2 }, revives: true, drainMs: 90_000 },
  },
  async (scene) => {
    const { pool } = scene.stage
    await eventually(
      async () => {
        const { rows } = await pool.query<{ state: string }>('select distinct state from waybill.failure')
        expect(rows.map(({ state }) => state)).toEqual(
          expect.arrayContaining(['dead', 'resolved', 'waiting']),
        )
        return true
      },
      { timeoutMs: 60_000 },
    )
    scene.fault('handlers fail', 0)
  },
)

scenario('C15: the broker restarts while messages are handled', { servers, consumers: 2 }, async (scene) => {
  const { rabbitmq } = scene.stage.servers
  await rabbitmq.kill('SIGKILL')
  scene.fault('broker killed', 2)
  await rabbitmq.start()
  await goesOn(scene)
})

scenario(
  'C16, 9: the process of a consumer is blocked for longer than the broker waits for a sign of life',
  { servers },
  async (scene) => {
    const { consumerBroker } = scene.stage.proxies
    const { accepted } = consumerBroker
    await write(scene.stage, { key: 'block', act: { kind: 'block', ms: 8_000 } })
    await eventually(() => consumerBroker.accepted > accepted, { timeoutMs: 60_000 })
    scene.fault('consumer blocked', 0)
    await goesOn(scene)
  },
)

scenario(
  '41: a consumer gets more than it can handle',
  { servers, process: { mode: 'unordered', concurrency: 1, prefetch: 5, paceMs: 0 } },
  async (scene) => {
    await underLoad(scene.stage, 500)
    const { messageCount } = await onChannel(scene.stage.amqpUrl, (channel) => channel.checkQueue('ledger'))
    expect(messageCount).toBeGreaterThan(0)
    scene.fault('overload', 0)
    expect(await known(scene), 'nothing comes twice').toBe(0)
  },
)
