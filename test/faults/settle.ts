import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Verdict } from '../fuzz/checker.ts'
import { eventually } from '../support/eventually.ts'
import { agree, allIsWell, fallen } from './agree.ts'
import { judge, type Judged } from './judge.ts'
import { alarms, leaks, resourcesOf, type Resources } from './resources.ts'
import type { Scene, SceneOptions } from './scene.ts'
import { secondJudge } from './second-judge.ts'
import type { Stage } from './stage.ts'
import { tablesOf, unhandled, unpublished } from './truth.ts'
import type { Sample } from './watch.ts'

/** Two cores that others use too take their time. */
const DRAIN_MS = 40_000
/** Pools of these processes: see consumer.child.ts. */
const CONNECTIONS = { relay: 5, consumer: 7 }

export interface Settled extends Verdict {
  /** From the stop of the writers, after the last fault, until nothing was left. */
  readonly drainedMs: number
}

/** What all have before the first fault: everybody says that all is well. */
export async function atRest(scene: Scene): Promise<Resources> {
  await allIsWell(scene)
  return resourcesOf([...scene.alive('relay'), ...scene.alive('consumer')], scene.stage.pool)
}

/**
 * The writers stop, all drains in time, and what has happened is held against what is promised.
 *
 * @throws AssertionError what was broken.
 */
export async function settle(scene: Scene, before: Resources): Promise<Settled> {
  const { stage, options } = scene
  const startedAt = performance.now()
  await Promise.all(scene.alive('writer').map(({ child }) => child.kill('SIGTERM')))
  await drained(stage, options)
  const drainedMs = Math.round(performance.now() - startedAt)
  stage.ended = true
  assert.deepEqual(fallen(stage.processes, { mayCrash: options.revives === true }), [])

  const verdict = await judge(stage.pool, stage.history, judged(options))
  assert.deepEqual(verdict.violations, [])
  const names = judged(options).map(({ name }) => name)
  assert.deepEqual(await secondJudge(stage.pool, names), [])
  assert.ok(verdict.committed > 0, 'Nothing was written.')
  await agree(scene, verdict.committed, judged(options))
  const most =
    CONNECTIONS.relay * scene.alive('relay').length + CONNECTIONS.consumer * scene.alive('consumer').length
  await eventually(async () => {
    const now = await resourcesOf([...scene.alive('relay'), ...scene.alive('consumer')], stage.pool)
    assert.deepEqual(leaks(before, now, most), [])
    return true
  })
  assert.deepEqual(alarms(stage.processes), [])
  return { ...verdict, drainedMs }
}

/** Whose effects are held against what was committed. */
function judged({ consumers, process, also = [] }: SceneOptions): readonly Judged[] {
  if (consumers === 0) return also
  return [{ name: process?.consumer ?? 'ledger', ordered: (process?.mode ?? 'key') === 'key' }, ...also]
}

/** Waits until nothing is left to be published or handled. Prepared transactions that a killed writer has left are rolled back. */
async function drained({ pool }: Stage, options: SceneOptions): Promise<void> {
  const { rows } = await pool.query<{ gid: string }>(
    'select gid from pg_prepared_xacts where database = current_database()',
  )
  for (const { gid } of rows) await pool.query(`rollback prepared '${gid}'`)
  await eventually(
    async () => {
      const toPublish = await unpublished(pool)
      let toHandle = 0
      for (const { name } of judged(options)) toHandle += await unhandled(pool, name)
      if (toPublish + toHandle === 0) return true
      throw new Error(`${toPublish} are not published, ${toHandle} not handled.`)
    },
    { timeoutMs: options.drainMs ?? DRAIN_MS, everyMs: 100 },
  )
}

const shownSample = (sample: Sample): object => ({ ...sample, metrics: Object.fromEntries(sample.metrics) })

/** The whole history and what the processes said, for whoever looks into a failure. @returns the folder. */
export async function keep(stage: Stage, name: string): Promise<string> {
  const folder = join(tmpdir(), `waybill-fault ${name.replaceAll(/[^\w]+/g, ' ').slice(0, 60)}`)
  mkdirSync(folder, { recursive: true })
  const { written, arrivals, faults } = stage.history
  const story = { written: [...written.values()], arrivals, faults }
  writeFileSync(join(folder, 'history.json'), JSON.stringify(story))
  writeFileSync(join(folder, 'samples.json'), JSON.stringify(stage.samples.map(shownSample)))
  writeFileSync(join(folder, 'statuses.json'), JSON.stringify(stage.statuses))
  writeFileSync(join(folder, 'tables.json'), JSON.stringify(await tablesOf(stage.pool).catch(String)))
  for (const { name: process, child } of stage.processes) {
    writeFileSync(join(folder, `${process}.log`), child.output)
  }
  return folder
}
