import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { parseArgs } from 'node:util'
import { createRandom } from '../../fuzz/random.ts'
import { openScene, type Scene } from '../scene.ts'
import { startServers } from '../servers.ts'
import { atRest, keep, settle } from '../settle.ts'
import { allOf, createStage, type Stage } from '../stage.ts'
import { growth, quarters, takeFigures } from './figures.ts'
import { atRandom, inRhythm } from './schedule.ts'

const USAGE = 'npm run torture -- [--minutes N] [--seed S] [--every SECONDS]'
/** A backlog of minutes, on few cores. */
const DRAIN_MS = 240_000

interface Wanted {
  readonly minutes: number
  readonly seed: string
  /** Seconds between two misfortunes; at random, and two at a time, when it is not given. */
  readonly every: number | undefined
}

/** The whole system under one misfortune after the other, as the seed decides; then calm, and all that happened is judged. */
async function main(): Promise<void> {
  const wanted = readArguments()
  await using servers = await startServers()
  await using stage = await createStage(servers)
  try {
    const report = wanted.every === undefined ? await torture(stage, wanted) : await soak(stage, wanted)
    console.log(JSON.stringify({ ...wanted, ...report }))
  } catch (error) {
    console.error(error)
    console.error(`The history is in "${await keep(stage, `torture ${wanted.seed}`)}".`)
    console.error(`To repeat its decisions: npm run torture -- ${asArguments(wanted)}`)
    process.exitCode = 1
  }
}

function readArguments(): Wanted {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '1' },
      seed: { type: 'string', default: randomBytes(6).toString('hex') },
      every: { type: 'string' },
    },
  })
  const positive = (name: 'minutes' | 'every', text: string): number => {
    if (Number(text) > 0) return Number(text)
    throw new Error(`--${name} must be above 0, got "${text}". ${USAGE}`)
  }
  return {
    minutes: positive('minutes', values.minutes),
    seed: values.seed,
    every: values.every === undefined ? undefined : positive('every', values.every),
  }
}

const asArguments = (wanted: Wanted): string =>
  Object.entries(wanted)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `--${name} ${String(value)}`)
    .join(' ')

/** Two misfortunes at a time, and messages that fail, crash their handlers and hang. */
async function torture(stage: Stage, { minutes, seed }: Wanted): Promise<object> {
  const random = createRandom(seed)
  const scene = await openSystem(stage, { seed, acts: 0.2, paceMs: 250 })
  const before = await atRest(scene)
  const end = performance.now() + minutes * 60_000
  // What heals one may be hurt by the other.
  await Promise.all([atRandom(scene, end, random.fork('one')), atRandom(scene, end, random.fork('two'))])
  return calm(scene, before)
}

/**
 * Moderate load and a misfortune now and then, for as long as a leak takes to be seen: in a relay and a consumer that are
 * never killed, and in the tables.
 */
async function soak(stage: Stage, { minutes, seed, every = 20 }: Wanted): Promise<object> {
  const scene = await openSystem(stage, { seed, acts: 0.5, kinds: ['fail', 'hang'], paceMs: 250 })
  const before = await atRest(scene)
  const watched = [scene.first('relay'), scene.first('consumer')]
  const watching = new AbortController()
  const figures = takeFigures(watched, stage.pool, watching.signal)
  const end = performance.now() + minutes * 60_000
  await inRhythm(sparing(watched, scene), end, { everyMs: every * 1_000, random: createRandom(seed) })
  watching.abort()
  const taken = await figures
  console.log(JSON.stringify(quarters(taken).map((each) => Object.fromEntries(each))))
  const report = await calm(scene, before)
  assert.deepEqual(growth(taken), [])
  return report
}

/** Two consumers of one exchange: one in the order of keys, and one that needs none. */
function openSystem(
  stage: Stage,
  process: NonNullable<Parameters<typeof openScene>[1]['process']>,
): Promise<Scene> {
  return openScene(stage, {
    ...{ relays: 3, consumers: 2, writers: 1, revives: true, drainMs: DRAIN_MS, process },
    also: [{ name: 'mail', ordered: false }],
    prepare: async (opened) => {
      await opened.join('consumer', { consumer: 'mail', mode: 'unordered' })
    },
  })
}

/** The same system, in which nobody sees those who are not to be killed. */
const sparing = (watched: readonly { readonly name: string }[], scene: Scene): Scene => ({
  ...scene,
  alive: (role) => scene.alive(role).filter(({ name }) => !watched.some((spared) => spared.name === name)),
})

async function calm(scene: Scene, before: Awaited<ReturnType<typeof atRest>>): Promise<object> {
  await heal(scene)
  const { committed, arrivals, duplicates, drainedMs } = await settle(scene, before)
  const faults = Object.fromEntries(scene.stage.history.coverage)
  return { committed, arrivals, duplicates, drainedMs, faults }
}

/** Ends everything that a misfortune may have left behind. */
async function heal({ stage }: Scene): Promise<void> {
  for (const proxy of allOf(stage.proxies)) {
    proxy.blackhole('none')
    proxy.latency(0)
    proxy.cutAfter(null)
    proxy.holdConfirms(false)
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
