import assert from 'node:assert/strict'
import { eventually } from '../support/eventually.ts'
import { allSay } from './facts.ts'
import type { Judged } from './judge.ts'
import { contradictions, counted, moment } from './moments.ts'
import type { Scene } from './scene.ts'
import type { Role, Running } from './stage.ts'
import { effects, letters } from './truth.ts'
import { statusOf, sum, type Sample } from './watch.ts'

/** Everybody says that all is well, and `waybill status` names those who live. */
export async function allIsWell(scene: Scene): Promise<void> {
  const isWell =
    (connected: string) =>
    (sample: Sample): boolean =>
      sample.ready === 200 && sum(sample, connected) === 1
  await allSay(scene, 'relay', isWell('outbox_broker_connected'))
  await allSay(scene, 'consumer', isWell('inbox_consumer_connected'))
  const names = scene.alive('relay').map(({ name }) => name)
  await eventually(async () => {
    const { relays } = await saidByStatus(scene)
    // Nothing is on the way from one relay to another.
    const owning = relays.filter(({ live, lanes }) => live && lanes.length > 0)
    assert.deepEqual(owning.map(({ host }) => host).sort(), [...names].sort())
    return true
  })
}

/** What they say at the end, and have said all the time, is what the tables of the services say. */
export async function agree(scene: Scene, committed: number, consumers: readonly Judged[]): Promise<void> {
  const { stage } = scene
  await allSay(scene, 'relay', (sample) => sum(sample, 'outbox_inflight_messages') === 0)
  await allIsWell(scene)
  await moment(scene)
  await Promise.all(stage.watching)
  assert.deepEqual(contradictions(stage), [])
  await publishedAgree(scene, committed)
  for (const { name } of consumers) await handledAgree(scene, name)
  const { backlog, parked } = await saidByStatus(scene)
  const { rows } = await stage.pool.query<{ left: number; parked: number }>(
    `select (select count(*)::int from waybill.outbox) as left, (select count(*)::int from waybill.parked) as parked`,
  )
  assert.deepEqual({ left: backlog.records, parked }, { ...rows[0] })
}

/** Who is gone has told its last only to whoever asked before. */
const allLived = ({ stage }: Scene, role: Role): boolean =>
  stage.processes.every((process) => process.role !== role || process.alive)

async function publishedAgree(scene: Scene, committed: number): Promise<void> {
  const { samples, history, pool } = scene.stage
  const published = counted(samples, 'outbox_published_messages_total', '')
  assert.ok(
    published <= history.arrivals.length,
    `${published} were counted, ${history.arrivals.length} arrived.`,
  )
  const kept = (await letters(pool)).length
  if (!allLived(scene, 'relay')) return
  assert.ok(published >= committed - kept, `${published} of ${committed} were counted.`)
}

async function handledAgree(scene: Scene, consumer: string): Promise<void> {
  const { samples, pool } = scene.stage
  const happened = (await effects(pool)).filter((effect) => effect.consumer === consumer).length
  const own = samples.map((sample) => ({ ...sample, metrics: ofConsumer(sample.metrics, consumer) }))
  const answered = (outcome: string): number =>
    counted(own, 'inbox_processed_messages_total', `outcome="${outcome}"`)
  assert.ok(
    answered('handled') <= happened,
    `${consumer}: ${answered('handled')} handled, ${happened} effects.`,
  )
  const { rows } = await pool.query('select from waybill.failure where consumer = $1 limit 1', [consumer])
  if (!allLived(scene, 'consumer') || rows.length > 0) return
  const most = answered('handled') + answered('duplicate')
  assert.ok(happened <= most, `${consumer}: ${most} handled or known, ${happened} effects.`)
}

function ofConsumer(metrics: ReadonlyMap<string, number>, consumer: string): ReadonlyMap<string, number> {
  return new Map([...metrics].filter(([series]) => series.includes(`consumer="${consumer}"`)))
}

async function saidByStatus({ stage }: Scene): Promise<ReturnType<typeof statusOf>> {
  const status = stage.waybill(['status', '--json'])
  const { code } = await status.exited
  assert.ok(code === 0 || code === 5, status.output)
  return statusOf(status.output)
}

/** Those who have ended though nobody ended them. */
export function fallen(
  processes: readonly Running[],
  { mayCrash }: { readonly mayCrash: boolean },
): string[] {
  return processes
    .filter(({ role, alive, child }) => !alive && child.sent === null && !(mayCrash && role === 'consumer'))
    .map(({ name, child }) => `${name} has ended by itself: ${child.output.slice(-500)}`)
}
