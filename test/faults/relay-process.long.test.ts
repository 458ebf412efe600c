import pg from 'pg'
import { expect } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { throughout } from '../support/throughout.ts'
import { inFlight, owners, takenOver } from './facts.ts'
import { scenario, useServers } from './scenario.ts'
import { underLoad } from './stage.ts'
import { sum } from './watch.ts'

const servers = useServers()

scenario('5, 7, 42, P21: relays are killed again and again', { servers, relays: 3 }, async (scene) => {
  const { stage } = scene
  for (let time = 0; time < 3; time += 1) {
    const victim = scene.first('relay')
    await underLoad(stage, 20)
    await inFlight(scene, victim)
    await victim.child.kill('SIGKILL')
    scene.fault('relay killed', 1)
    stage.proxies.relayBroker.latency(0)
    await scene.join('relay')
    await takenOver(stage, victim)
  }
})

scenario('6, P21: a relay is frozen past its lease', { servers }, async (scene) => {
  const { stage } = scene
  const frozen = scene.first('relay')
  await eventually(async () => (await owners(stage)).get(frozen.name) === 8)
  await underLoad(stage, 20)
  process.kill(frozen.child.pid, 'SIGSTOP')
  scene.fault('relay frozen', 1)
  await takenOver(stage, frozen)
  process.kill(frozen.child.pid, 'SIGCONT')
  await frozen.child.line(/has lost its lease and begins anew/)
  await eventually(async () => (await owners(stage)).get(frozen.name) === 8)
})

scenario('8: the connections to the database are ended one after the other', { servers }, async (scene) => {
  const { stage } = scene
  for (let time = 0; time < 20; time += 1) {
    const { rows } = await stage.pool.query<{ ended: number }>(
      `select count(*) filter (where pg_terminate_backend(pid))::int as ended from (
         select pid from pg_stat_activity
         where datname = current_database() and application_name like 'waybill%' order by random() limit 2
       ) as chosen`,
    )
    if ((rows[0]?.ended ?? 0) > 0) scene.fault('backend ended', 2)
    await underLoad(stage, 5)
  }
  expect(stage.history.faults.length).toBeGreaterThan(10)
})

scenario('10: all relays and consumers are replaced in order', { servers, consumers: 2 }, async (scene) => {
  for (const old of [...scene.alive('relay'), ...scene.alive('consumer')]) {
    await scene.join(old.role)
    await underLoad(scene.stage, 20)
    expect(await old.child.kill('SIGTERM')).toEqual({ code: 0, signal: null })
    // In order: nothing may be published twice.
    scene.fault('replaced', 0)
  }
  const hosts = await owners(scene.stage)
  for (const host of hosts.keys()) expect(scene.alive('relay').map(({ name }) => name)).toContain(host)
})

scenario(
  '39: somebody else has taken all connections of the server',
  { servers, consumers: 0 },
  async (scene) => {
    const { stage } = scene
    const greedy: pg.Client[] = []
    // Until the server refuses.
    for (;;) {
      const client = new pg.Client({ connectionString: stage.databaseUrl, application_name: 'greedy' })
      client.on('error', () => undefined)
      const refused = await client.connect().then(
        () => false,
        () => true,
      )
      if (refused) break
      greedy.push(client)
    }
    scene.fault('no connections left', 2)
    const held = await owners(stage)
    // Longer than a lease: they are renewed on connections that the relays have.
    await throughout(3_000, async () => expect(await owners(stage)).toEqual(held))
    await underLoad(stage, 50)
    await Promise.all(greedy.map((client) => client.end()))
    expect(
      sum(await scene.sample(scene.first('relay')), 'outbox_lease_transitions_total', 'event="expired"'),
    ).toBe(0)
  },
)
