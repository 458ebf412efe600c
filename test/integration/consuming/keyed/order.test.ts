import { expect, test } from 'vitest'
import { createRandom, type Random } from '../../../fuzz/random.ts'
import { createKeyedWorld, type Instance, type KeyedWorld } from './world.ts'

const KEYS = Array.from({ length: 24 }, (_, index) => `k${String(index)}`)
const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms)
  })

/** What can happen to an instance; a cut heals by itself after a while. */
const FAULTS: Readonly<Record<string, (instance: Instance, world: KeyedWorld, random: Random) => unknown>> = {
  'loses its broker connections': ({ broker }) => {
    broker.reset()
  },
  'loses its database connections': (instance, world) => world.terminate(instance),
  'does not reach the broker': ({ broker }, _world, random) => cutFor(random, broker),
  'does not reach the database': ({ database }, _world, random) => cutFor(random, database),
  'reaches nobody': ({ broker, database }, _world, random) => cutFor(random, broker, database),
}

/** Longer than a lease, now and then longer than the broker's patience. Nothing is closed: the other side has to notice. */
function cutFor(random: Random, ...proxies: readonly Instance['broker'][]): void {
  for (const proxy of proxies) proxy.blackhole('both')
  void pause(random.between(500, 5_000)).then(() => {
    for (const proxy of proxies) proxy.blackhole('none')
  })
}

const seed = process.env['KEYED_SEED'] ?? 'order'
const STEPS = Number(process.env['KEYED_STEPS'] ?? 40)

test(`the effects of each key happen in order and once, whatever becomes of the instances (seed ${seed})`, async () => {
  const random = createRandom(seed)
  await using world = await createKeyedWorld()
  const handling = random.fork('handlers')
  world.beforeEffect = async () => {
    if (handling.chance(0.3)) await pause(handling.between(0, 20))
    if (handling.chance(0.01)) throw new Error('Sometimes it fails.')
  }
  const alive: Instance[] = [await world.start()]
  const history: string[] = []
  for (let step = 0; step < STEPS; step += 1) {
    await world.send(Array.from({ length: random.between(10, 40) }, () => random.pick(KEYS)))
    if (random.chance(0.3)) await world.sendAgain(random.pick(KEYS), random.between(1, 5))
    history.push(await act({ world, alive, random }))
    await pause(random.between(50, 600))
  }
  for (const { broker, database } of alive) {
    broker.blackhole('none')
    database.blackhole('none')
  }
  await world.settled().catch((error: unknown) => {
    throw new Error(history.join('\n'), { cause: error })
  })
  const [first = ''] = world.violations
  const story = [...history, ...world.trace(/k\d+/.exec(first)?.[0] ?? '')].join('\n')
  expect(world.violations, story).toEqual([])
})

async function act(parts: {
  readonly world: KeyedWorld
  readonly alive: Instance[]
  readonly random: Random
}): Promise<string> {
  const { world, alive, random } = parts
  const roll = random.next()
  if (alive.length < 2 || (roll < 0.3 && alive.length < 4)) {
    alive.push(await world.start())
    return 'one more starts'
  }
  const instance = random.pick(alive)
  if (roll < 0.5 && alive.length > 2) {
    alive.splice(alive.indexOf(instance), 1)
    if (random.chance(0.5)) {
      await instance.crash()
      return `${instance.name} crashes`
    }
    await instance.stop()
    return `${instance.name} stops`
  }
  const fault = random.pick(Object.keys(FAULTS))
  await FAULTS[fault]?.(instance, world, random)
  return `${instance.name} ${fault}`
}
