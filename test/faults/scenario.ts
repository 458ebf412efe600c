import { afterAll, beforeAll, expect, it } from 'vitest'
import { report } from './report.ts'
import { openScene, type Scene, type SceneOptions } from './scene.ts'
import { startServers, type Servers } from './servers.ts'
import { atRest, keep, settle } from './settle.ts'
import { createStage, underLoad } from './stage.ts'

/** Servers for all scenarios of one file. */
export function useServers(): () => Servers {
  let servers: Servers | undefined
  beforeAll(async () => {
    servers = await startServers()
  })
  afterAll(async () => {
    await servers?.[Symbol.asyncDispose]()
  })
  return () => {
    if (!servers) throw new Error('The servers are not there yet.')
    return servers
  }
}

/**
 * One scenario, judged as all are: processes work, something is done to them, they work on; then the writers stop, all
 * drains in time, and what has happened is held against what is promised.
 *
 * @param run does it, and proves that it has happened.
 */
export function scenario(
  name: string,
  { servers, ...options }: SceneOptions & { readonly servers: () => Servers },
  run: (scene: Scene) => Promise<void>,
): void {
  it(
    name,
    async () => {
      await using stage = await createStage(servers())
      try {
        const scene = await openScene(stage, options)
        await underLoad(stage)
        const before = await atRest(scene)
        await run(scene)
        expect(stage.history.faults, 'a fault that has happened').not.toEqual([])
        if (scene.alive('writer').length > 0) await underLoad(stage)
        const settled = await settle(scene, before)
        report({ name, ...settled, faults: stage.history.faults.length })
      } catch (error) {
        console.log(`The history is in "${await keep(stage, name)}".`)
        throw error
      }
    },
    240_000,
  )
}
