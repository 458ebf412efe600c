import { eventually } from '../support/eventually.ts'
import type { ProcessEnvironment } from './environment.ts'
import type { Judged } from './judge.ts'
import { moment } from './moments.ts'
import { MOST_IN_FLIGHT, runs, type Role, type Running, type Stage, type Variables } from './stage.ts'
import { portOf, sampleOf, type Sample } from './watch.ts'

export interface SceneOptions {
  /** @defaultValue `2` */
  readonly relays?: number
  /** @defaultValue `1` */
  readonly consumers?: number
  /** @defaultValue `1` */
  readonly writers?: number
  readonly process?: Partial<ProcessEnvironment>
  readonly relayEnv?: Variables
  /** Other consumers that are started by the scenario and judged too. */
  readonly also?: readonly Judged[]
  /** Consumers that crash are started anew, as an orchestrator would. @defaultValue `false` */
  readonly revives?: boolean
  /** What else there has to be before the first message. */
  readonly prepare?: (scene: Scene) => Promise<void>
  /** How long after the last fault all may take to drain. @defaultValue `40_000` */
  readonly drainMs?: number
}

/** A stage with its processes, as a scenario acts on it. */
export interface Scene {
  readonly stage: Stage
  readonly options: SceneOptions
  /** Those that live, in the order of their start. */
  alive(role: Role): Running[]
  /** The only one that lives, or the first of several. */
  first(role: Role): Running
  /** Starts one more and waits until it works. */
  join(role: Role, given?: Partial<ProcessEnvironment>, env?: Variables): Promise<Running>
  /**
   * Notes what was done to the system, as late as it is known to have happened, and what all say of it then.
   *
   * @param relays how many relays may have to publish again what they had in flight.
   * @param messages how many more may arrive once more.
   */
  fault(kind: string, relays?: number, messages?: number): void
  /** What the process says of itself now. */
  sample(process: Running): Promise<Sample>
  /** Waits until it says so. @returns that sample. */
  says(process: Running, what: (sample: Sample) => boolean, timeoutMs?: number): Promise<Sample>
}

export async function openScene(stage: Stage, options: SceneOptions): Promise<Scene> {
  const alive = (role: Role): Running[] =>
    stage.processes.filter((process) => process.role === role && process.alive)
  const sample = async ({ name, child }: Running): Promise<Sample> => {
    const taken = await sampleOf(name, await portOf(child))
    stage.samples.push(taken)
    return taken
  }
  let number = 0
  const scene: Scene = {
    ...{ stage, options, alive, sample },
    first: (role) => {
      const [found] = alive(role)
      if (!found) throw new Error(`No ${role} lives.`)
      return found
    },
    join: async (role, given, env) => {
      number += 1
      const name = `${role}-${number}`
      const more = { ...options.relayEnv, ...env }
      const joined = stage.start({
        role,
        name,
        given: { ...options.process, seed: `${options.process?.seed ?? 'faults'} ${name}`, ...given },
        env: more,
      })
      if (options.revives && role === 'consumer') void revive(joined, given)
      await runs(joined)
      return joined
    },
    fault: (kind, relays = 0, messages = 0) => {
      stage.history.faults.push({ kind, relay: 'any', inFlight: relays * MOST_IN_FLIGHT + messages })
      stage.history.count(kind)
      stage.watching.push(moment(scene))
    },
    says: (process, what, timeoutMs = 45_000) =>
      eventually(
        async () => {
          const taken = await sample(process)
          if (what(taken)) return taken
          throw new Error(`${process.name} says ${taken.ready ?? 'nothing'}: ${taken.reasons}`)
        },
        { timeoutMs, everyMs: 100 },
      ),
  }
  const revive = async ({ child }: Running, given?: Partial<ProcessEnvironment>): Promise<void> => {
    const { signal } = await child.exited
    // Who was stopped, by a scenario or at its end, stays so.
    if (signal !== 'SIGKILL' || stage.ended) return
    // Who crashes before it works is revived by itself.
    await scene.join('consumer', given).catch(() => undefined)
  }
  const { relays = 2, consumers = 1, writers = 1 } = options
  const roles: Role[] = [
    ...Array<Role>(consumers).fill('consumer'),
    ...Array<Role>(relays).fill('relay'),
    ...Array<Role>(writers).fill('writer'),
  ]
  // The consumers' queues are there before the first message: nothing is unroutable.
  await Promise.all(roles.filter((role) => role === 'consumer').map((role) => scene.join(role)))
  await options.prepare?.(scene)
  await Promise.all(roles.filter((role) => role !== 'consumer').map((role) => scene.join(role)))
  return scene
}
