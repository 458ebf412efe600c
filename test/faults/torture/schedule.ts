import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../../fuzz/random.ts'
import type { Scene } from '../scene.ts'
import { ALL as ALL_RELAYS, MISFORTUNES, type Misfortune } from './misfortunes.ts'

/** One misfortune after the other until the end, with pauses as chance wants them. */
export async function atRandom(scene: Scene, end: number, random: Random): Promise<void> {
  while (performance.now() < end) {
    await sleep(random.between(200, 3_000))
    await happen(scene, random)
  }
}

export interface Rhythm {
  readonly everyMs: number
  readonly random: Random
}

/** One misfortune every so often until the end. */
export async function inRhythm(scene: Scene, end: number, { everyMs, random }: Rhythm): Promise<void> {
  for (let next = performance.now() + everyMs; next < end; next += everyMs) {
    await sleep(next - performance.now())
    await happen(scene, random)
  }
}

async function happen(scene: Scene, random: Random): Promise<void> {
  const [name, misfortune] = choose(random)
  console.log(`${new Date().toISOString()} ${name}`)
  await misfortune(scene, random).catch((error: unknown) => {
    // Another one has taken away what this one wanted to hurt; half of it may have happened.
    console.log(`${name} could not be done: ${String(error).slice(0, 200)}`)
    scene.fault(`tried: ${name}`, ALL_RELAYS)
  })
}

function choose(random: Random): readonly [string, Misfortune] {
  const all = MISFORTUNES.flatMap(([weight, name, misfortune]) =>
    Array.from({ length: weight }, () => [name, misfortune] as const),
  )
  return random.pick(all)
}
