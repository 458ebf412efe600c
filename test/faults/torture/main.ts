import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { createRandom, type Random } from '../../fuzz/random.ts'
import { openScene, type Scene } from '../scene.ts'
import { startServers } from '../servers.ts'
import { atRest, keep, settle } from '../settle.ts'
import { allOf, createStage, type Stage } from '../stage.ts'
import { MISFORTUNES, type Misfortune } from './misfortunes.ts'

const USAGE = 'npm run torture -- [--minutes N] [--seed S]'
/** A backlog of minutes, on few cores. */
const DRAIN_MS = 240_000

/** The whole system under one misfortune after the other, as the seed decides; then calm, and all that happened is judged. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '1' },
      seed: { type: 'string', default: randomBytes(6).toString('hex') },
    },
  })
  const minutes = Number(values.minutes)
  if (!(minutes > 0)) throw new Error(`--minutes must be above 0, got "${values.minutes}". ${USAGE}`)
  await using servers = await startServers()
  await using stage = await createStage(servers)
  try {
    const report = await torture(stage, minutes, createRandom(values.seed))
    console.log(JSON.stringify({ seed: values.seed, minutes, ...report }))
  } catch (error) {
    console.error(error)
    console.error(`The history is in "${await keep(stage, `torture ${values.seed}`)}".`)
    console.error(
      `To repeat its decisions: npm run torture -- --minutes ${values.minutes} --seed ${values.seed}`,
    )
    process.exitCode = 1
  }
}

async function torture(stage: Stage, minutes: number, random: Random): Promise<object> {
  const scene = await openScene(stage, {
    ...{ relays: 3, consumers: 2, writers: 1, revives: true, drainMs: DRAIN_MS },
    process: { acts: 1, paceMs: 60 },
    also: [{ name: 'mail', ordered: false }],
    prepare: async (opened) => {
      await opened.join('consumer', { consumer: 'mail', mode: 'unordered' })
    },
  })
  const before = await atRest(scene)
  const end = performance.now() + minutes * 60_000
  // Two at a time: what heals one may be hurt by the other.
  await Promise.all([
    misfortunes(scene, end, random.fork('one')),
    misfortunes(scene, end, random.fork('two')),
  ])
  await heal(scene)
  const { committed, arrivals, duplicates, drainedMs } = await settle(scene, before)
  return { committed, arrivals, duplicates, drainedMs, faults: Object.fromEntries(stage.history.coverage) }
}

async function misfortunes(scene: Scene, end: number, random: Random): Promise<void> {
  while (performance.now() < end) {
    await sleep(random.between(200, 3_000))
    const [name, misfortune] = choose(random)
    console.log(`${new Date().toISOString()} ${name}`)
    await misfortune(scene, random).catch((error: unknown) => {
      // The other one has taken away what this one wanted to hurt.
      console.log(`${name} could not be done: ${String(error).slice(0, 200)}`)
    })
  }
}

function choose(random: Random): readonly [string, Misfortune] {
  const all = MISFORTUNES.flatMap(([weight, name, misfortune]) =>
    Array.from({ length: weight }, () => [name, misfortune] as const),
  )
  return random.pick(all)
}

/** Ends everything that a misfortune may have left behind. */
async function heal({ stage }: Scene): Promise<void> {
  for (const proxy of allOf(stage.proxies)) {
    proxy.blackhole('none')
    proxy.latency(0)
    proxy.cutAfter(null)
  }
  stage.servers.postgres.resume()
  stage.servers.rabbitmq.resume()
  await stage.servers.postgres.start()
  await stage.servers.rabbitmq.start()
  await stage.servers.rabbitmq.eval('rabbit_alarm:clear_alarm({resource_limit, memory, node()}).')
  for (const args of [
    ['consumers', 'resume', 'ledger'],
    ['relays', 'resume', '*'],
  ]) {
    await stage.waybill([...args, '--by', 'torture']).exited
  }
}

await main()
