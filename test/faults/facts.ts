import { eventually } from '../support/eventually.ts'
import type { Scene } from './scene.ts'
import type { Role, Running, Stage } from './stage.ts'
import { unpublished } from './truth.ts'
import { sum, type Sample } from './watch.ts'

/** Waits until each of them has said so. */
export async function allSay(scene: Scene, role: Role, what: (sample: Sample) => boolean): Promise<void> {
  for (const process of scene.alive(role)) await scene.says(process, what)
}

/** What all of them together have counted. */
export async function totalOf(
  scene: Scene,
  role: Role,
  counted: (sample: Sample) => number,
): Promise<number> {
  let total = 0
  for (const process of scene.alive(role)) total += counted(await scene.sample(process))
  return total
}

/** Waits until the relays have lost their connections to the broker and have others. */
export async function reconnected(scene: Scene, lost: ReadonlyMap<string, number>): Promise<void> {
  for (const relay of scene.alive('relay')) {
    await scene.says(
      relay,
      (sample) =>
        sum(sample, 'outbox_broker_connected') === 1 &&
        sum(sample, 'outbox_broker_reconnects_total') > (lost.get(relay.name) ?? 0),
      40_000,
    )
  }
}

/** Waits until all relays have lost the broker, which is no reason to take them out of service. */
export async function disconnected(scene: Scene): Promise<void> {
  await allSay(scene, 'relay', (now) => sum(now, 'outbox_broker_connected') === 0 && now.ready === 200)
}

/** How many connections to the broker each relay has lost so far. */
export async function lostSoFar(scene: Scene): Promise<ReadonlyMap<string, number>> {
  const lost = new Map<string, number>()
  for (const relay of scene.alive('relay')) {
    lost.set(relay.name, sum(await scene.sample(relay), 'outbox_broker_reconnects_total'))
  }
  return lost
}

/** Waits until the relay has handed messages to the broker of which it has not heard, and will not for a while: answers are slow. */
export async function inFlight({ stage, says }: Scene, relay: Running): Promise<void> {
  stage.proxies.relayBroker.latency(150)
  await says(relay, (sample) => sum(sample, 'outbox_inflight_messages') > 0)
}

/** Stops the writers and waits until all that they wrote has arrived and nothing is in flight. */
export async function quieten(scene: Scene): Promise<void> {
  await Promise.all(scene.alive('writer').map(({ child }) => child.kill('SIGTERM')))
  await eventually(async () => (await unpublished(scene.stage.pool)) === 0)
  await allSay(scene, 'relay', (sample) => sum(sample, 'outbox_inflight_messages') === 0)
}

/** Lanes by the name of their owner. */
export async function owners({ pool }: Stage): Promise<ReadonlyMap<string, number>> {
  const { rows } = await pool.query<{ host: string; lanes: number }>(
    'select relay.host, count(*)::int as lanes from waybill.lane join waybill.relay on relay_id = owner group by host',
  )
  return new Map(rows.map(({ host, lanes }) => [host, lanes]))
}

const LANES = 16
const lanesOf = (owned: ReadonlyMap<string, number>): number =>
  [...owned.values()].reduce((total, own) => total + own, 0)

/** Waits until the relays have shared all lanes, and answers who owns how many. */
export async function shared({ stage, alive }: Scene): Promise<ReadonlyMap<string, number>> {
  const fair = LANES / alive('relay').length
  return eventually(async () => {
    const all = await owners(stage)
    return lanesOf(all) === LANES && [...all.values()].every((own) => own === fair) && all
  })
}

/** Waits until live relays own all lanes, and `gone` none. */
export async function takenOver(stage: Stage, gone: Running): Promise<void> {
  await eventually(
    async () => {
      const all = await owners(stage)
      return !all.has(gone.name) && lanesOf(all) === LANES
    },
    { everyMs: 50 },
  )
}

/** Waits until more messages are in the outbox than were. */
export async function backlogOf({ pool }: Stage, atLeast: number): Promise<void> {
  await eventually(
    async () => {
      const { rows } = await pool.query<{ n: number }>('select count(*)::int as n from waybill.outbox')
      return (rows[0]?.n ?? 0) >= atLeast
    },
    { timeoutMs: 60_000 },
  )
}
