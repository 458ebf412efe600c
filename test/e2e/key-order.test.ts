import { setTimeout as pause } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { check, type Violation } from '../fuzz/checker.ts'
import { createRandom, type Random } from '../fuzz/random.ts'
import type { Child } from '../support/child.ts'
import { eventually } from '../support/eventually.ts'
import { sendSignal } from '../support/signal.ts'
import { createRelaySetting, type RelaySetting } from './relay-setting.ts'

/** The same seed does the same things to the same instances; what they meet there is up to the machine. */
const seed = process.env['KEYED_SEED'] ?? 'processes'
/** What happens to the instances at each size. */
const STEPS = Number(process.env['KEYED_STEPS'] ?? 4)
const SIZES = [1, 4, 2]
const PARTITIONS = 8

interface Run {
  readonly setting: RelaySetting
  readonly random: Random
  readonly alive: Child[]
  readonly all: Child[]
  readonly history: string[]
}

it(`the effects of each key happen in order and once, while instances freeze, die, come and go (seed ${seed})`, async () => {
  await using setting = await createRelaySetting()
  const run: Run = { setting, random: createRandom(seed), alive: [], all: [], history: [] }
  await setting.relay()
  await scale(run, 1)
  const load = setting.startLoad(2)
  for (const size of SIZES) {
    await scale(run, size)
    for (let step = 0; step < STEPS; step += 1) {
      await underLoad(run)
      run.history.push(await harm(run))
    }
  }
  await load.stop()
  await setting.settled(240_000).catch((error: unknown) => {
    throw new Error(run.history.join('\n'), { cause: error })
  })
  const violations = [...(await setting.verdict()).violations, ...(await violationsOfEffects(setting))]
  expect(violations, run.history.join('\n')).toEqual([])
  const lost = run.all.filter(({ output }) => output.includes('The lease on the partitions is lost'))
  const isLong = run.history.some((what) => what.endsWith('for long'))
  expect(lost.length).toBeGreaterThanOrEqual(isLong ? 1 : 0)
  for (const child of run.alive) expect((await child.kill('SIGTERM')).code).toBe(0)
}, 900_000)

/** Starts or stops instances, and waits until those that run have equal shares. */
async function scale(run: Run, size: number): Promise<void> {
  while (run.alive.length < size) await startOne(run)
  for (const child of run.alive.splice(size)) expect((await child.kill('SIGTERM')).code).toBe(0)
  run.history.push(`${String(size)} instances`)
  const fair = Array.from({ length: size }, () => PARTITIONS / size)
  await eventually(async () => (await shares(run.setting)).join() === fair.join())
}

async function startOne({ setting, alive, all }: Run): Promise<void> {
  const child = await setting.consumer({ CONSUMER_MODE: 'key' })
  alive.push(child)
  all.push(child)
}

/** Something happens to one of them; the next thing does not wait until they have got over it. */
async function harm(run: Run): Promise<string> {
  const { alive, random } = run
  const [victim] = alive.splice(random.between(0, alive.length - 1), 1)
  if (victim === undefined) throw new Error('Nobody is alive.')
  const what = random.pick(['is frozen', 'is frozen for long', 'is killed', 'is frozen, then killed'])
  if (what !== 'is killed') {
    sendSignal(victim.pid, 'SIGSTOP')
    await pause(what === 'is frozen' ? random.between(100, 1_500) : random.between(3_000, 6_000))
  }
  if (what.endsWith('killed')) {
    await victim.kill('SIGKILL')
    await startOne(run)
  } else {
    sendSignal(victim.pid, 'SIGCONT')
    alive.push(victim)
  }
  return `${String(victim.pid)} ${what}`
}

/** Waits until effects happen again, so that whatever is done next is done under load. */
async function underLoad({ setting }: Run): Promise<void> {
  const count = async (): Promise<number> => {
    const { rows } = await setting.pool.query<{ count: number }>('select count(*)::int as count from effect')
    return rows[0]?.count ?? 0
  }
  const before = await count()
  await eventually(async () => (await count()) > before + 50)
}

/** How many partitions each instance on the list has. */
async function shares({ pool }: RelaySetting): Promise<number[]> {
  const { rows } = await pool.query<{ count: number }>(
    `select count(p.partition)::int as count from waybill.partition_member as m
     left join waybill.partition as p on p.owner = m.instance_id group by m.instance_id order by count`,
  )
  return rows.map(({ count }) => count)
}

/** Effects are held to what messages are held to that arrive, except that no fault may repeat them. */
async function violationsOfEffects({ pool, history }: RelaySetting): Promise<readonly Violation[]> {
  const { rows } = await pool.query<{ message_id: string }>('select message_id from effect order by place')
  const arrivals = rows.map(({ message_id: messageId }) => ({ messageId, relay: 'none' }))
  return check({ ...history, arrivals, faults: [] }, new Set()).violations
}
