import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../../fuzz/random.ts'
import type { TcpProxy } from '../../support/tcp-proxy.ts'
import type { Scene } from '../scene.ts'
import { allOf, hasBegun, type Role } from '../stage.ts'

/** Something that is done to the whole system, and heals before it resolves. */
export type Misfortune = (scene: Scene, random: Random) => Promise<void>

/** All relays may have to publish again what they had in flight. */
export const ALL = 4

let turn: Promise<unknown> = Promise.resolve()

/** One server at a time is hurt, and heals before the next. */
const inTurn =
  (misfortune: Misfortune): Misfortune =>
  (scene, random) => {
    const mine = turn.then(() => misfortune(scene, random))
    turn = mine.catch(() => undefined)
    return mine
  }

const proxyOf = ({ stage }: Scene, random: Random): TcpProxy => random.pick(allOf(stage.proxies))

/** A process that works, if there is one of that role beside others. */
function victim(scene: Scene, role: Role, random: Random): ReturnType<Scene['alive']>[number] | null {
  const working = scene.alive(role).filter(hasBegun)
  return working.length < 2 ? null : random.pick(working)
}

const killed =
  (role: Role): Misfortune =>
  async (scene, random) => {
    const chosen = victim(scene, role, random)
    if (!chosen) return
    await chosen.child.kill('SIGKILL')
    scene.fault(`${role} killed`, role === 'relay' ? 1 : 0)
    if (role === 'relay') await scene.join(role)
  }

const frozen =
  (role: Role): Misfortune =>
  async (scene, random) => {
    const chosen = victim(scene, role, random)
    if (!chosen) return
    process.kill(chosen.child.pid, 'SIGSTOP')
    scene.fault(`${role} frozen`, role === 'relay' ? 1 : 0)
    await sleep(random.between(500, 9_000))
    process.kill(chosen.child.pid, 'SIGCONT')
  }

const replaced =
  (role: Role): Misfortune =>
  async (scene, random) => {
    const chosen = victim(scene, role, random)
    if (!chosen) return
    await scene.join(role, chosen.given)
    await chosen.child.kill('SIGTERM')
    scene.fault(`${role} replaced`, role === 'relay' ? 1 : 0)
  }

const connections =
  (how: 'reset' | 'sever' | 'strand'): Misfortune =>
  async (scene, random) => {
    proxyOf(scene, random)[how]()
    scene.fault(`connections: ${how}`, ALL)
    await sleep(random.between(0, 500))
  }

const darkness: Misfortune = async (scene, random) => {
  const proxy = proxyOf(scene, random)
  proxy.blackhole(random.pick(['up', 'down', 'both'] as const))
  scene.fault('black hole', ALL)
  await sleep(random.between(100, 6_000))
  proxy.blackhole('none')
}

const slowness: Misfortune = async (scene, random) => {
  const proxy = proxyOf(scene, random)
  proxy.latency(random.between(5, 250))
  scene.fault('latency', ALL)
  await sleep(random.between(500, 4_000))
  proxy.latency(0)
}

/** Connections break after so many bytes, those that are being opened too. */
const cut: Misfortune = async (scene, random) => {
  const proxy = proxyOf(scene, random)
  proxy.cutAfter({ direction: random.pick(['up', 'down'] as const), bytes: random.between(1, 20_000) })
  proxy.reset()
  scene.fault('connections cut', ALL)
  await sleep(random.between(500, 3_000))
  proxy.cutAfter(null)
}

/** The broker has the messages, and nobody hears of it. */
const confirmsLost: Misfortune = async (scene, random) => {
  const { relayBroker } = scene.stage.proxies
  relayBroker.holdConfirms(true)
  relayBroker.reset()
  await sleep(random.between(500, 2_000))
  relayBroker.reset()
  relayBroker.holdConfirms(false)
  scene.fault('confirms lost', 2 * ALL)
}

const alarm: Misfortune = async (scene, random) => {
  const { rabbitmq } = scene.stage.servers
  await rabbitmq.eval('rabbit_alarm:set_alarm({{resource_limit, memory, node()}, []}).')
  scene.fault('memory alarm', ALL)
  await sleep(random.between(500, 5_000))
  await rabbitmq.eval('rabbit_alarm:clear_alarm({resource_limit, memory, node()}).')
}

type Server = 'rabbitmq' | 'postgres'

const serverKilled =
  (which: Server): Misfortune =>
  async ({ stage, fault }) => {
    await stage.servers[which].kill('SIGKILL')
    fault(`${which} killed`, ALL)
    await stage.servers[which].start()
  }

const serverFrozen =
  (which: Server): Misfortune =>
  async ({ stage, fault }, random) => {
    stage.servers[which].pause()
    fault(`${which} frozen`, ALL)
    await sleep(random.between(500, 6_000))
    stage.servers[which].resume()
  }

const backendsEnded: Misfortune = async ({ stage, fault }) => {
  await stage.pool.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and pid <> pg_backend_pid() and random() < 0.5`,
  )
  fault('backends ended', ALL)
}

const SURELY = ['--yes', '--confirm', 'replays,order', '--reason', 'torture', '--detach']

/** Nothing was there to be done, or the database was away. */
const DID_NOTHING = [5, 6, 4]

/** An operator at work. What had nothing to work on is not counted among what was done. */
const operator =
  (...args: readonly string[]): Misfortune =>
  async ({ stage, fault }) => {
    const command = stage.waybill([...args, '--by', 'torture'])
    const { code } = await command.exited
    if (code === 0) fault(`operator: ${args.slice(0, 2).join(' ')}`, 0)
    else if (!DID_NOTHING.includes(code ?? NaN)) throw new Error(`Ended with ${code}: ${command.output}`)
  }

const paused =
  (...what: readonly [string, string]): Misfortune =>
  async (scene, random) => {
    const [kind, name] = what
    await operator(kind, 'pause', name, '--reason', 'torture', '--yes')(scene, random)
    await sleep(random.between(500, 4_000))
    await operator(kind, 'resume', name)(scene, random)
  }

/** How often each comes, in terms of the others, beside what it is. */
export const MISFORTUNES: readonly (readonly [weight: number, name: string, misfortune: Misfortune])[] = [
  [4, 'relay killed', killed('relay')],
  [3, 'consumer killed', killed('consumer')],
  [2, 'relay frozen', frozen('relay')],
  [2, 'consumer frozen', frozen('consumer')],
  [2, 'relay replaced', replaced('relay')],
  [2, 'consumer replaced', replaced('consumer')],
  [4, 'connections reset', connections('reset')],
  [2, 'connections severed', connections('sever')],
  [1, 'connections stranded', connections('strand')],
  [4, 'black hole', darkness],
  [2, 'latency', slowness],
  [2, 'connections cut', cut],
  [1, 'confirms lost', confirmsLost],
  [2, 'alarm', inTurn(alarm)],
  [1, 'broker killed', inTurn(serverKilled('rabbitmq'))],
  [2, 'broker frozen', inTurn(serverFrozen('rabbitmq'))],
  [1, 'database killed', inTurn(serverKilled('postgres'))],
  [2, 'database frozen', inTurn(serverFrozen('postgres'))],
  [2, 'backends ended', backendsEnded],
  [1, 'consumer paused', paused('consumers', 'ledger')],
  [1, 'relays paused', paused('relays', '*')],
  [2, 'replay', operator('dead-letters', 'replay', '--consumer', 'ledger', ...SURELY)],
  [
    3,
    'discard',
    operator('dead-letters', 'discard', '--consumer', 'ledger', '--cause', 'permanent', ...SURELY),
  ],
]
