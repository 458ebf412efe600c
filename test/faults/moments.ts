import type { Role, Running, Stage } from './stage.ts'
import { statusOf, sum, type Sample } from './watch.ts'

/** Whom to ask. */
export interface Asked {
  readonly stage: Stage
  alive(role: Role): Running[]
  sample(process: Running): Promise<Sample>
}

/** What all who live, and `waybill status`, say at this moment; who is frozen or has no database says little. */
export async function moment({ stage, alive, sample }: Asked): Promise<void> {
  const asked = [...alive('relay'), ...alive('consumer')]
  // Who does not listen yet has nothing to say.
  const answers = asked.map((process) => sample(process).catch(() => undefined))
  await Promise.all([...answers, status(stage)])
}

/** One at a time: it is a process of its own, and takes as long to start as some faults last. */
async function status(stage: Stage): Promise<void> {
  if (asking.has(stage)) return
  asking.add(stage)
  const command = stage.waybill(['status', '--json'])
  const { code } = await command.exited
  stage.statuses.push({ code, said: command.output })
  asking.delete(stage)
}
const asking = new WeakSet<Stage>()

/** What has been said that cannot be true, at whatever moment it was. */
export function contradictions({ samples, statuses, processes }: Stage): string[] {
  return [
    ...samples.flatMap((sample) =>
      falseClaims(sample).map((claim) => `${sample.process}, ready ${sample.ready}: ${claim}`),
    ),
    ...statuses.flatMap(({ code, said }) => falseStatus(code, said, processes)),
  ]
}

function falseClaims(sample: Sample): string[] {
  if (sample.ready === null || sample.metrics.size === 0) return []
  return [
    ...(sum(sample, 'outbox_sweep_finds_total') > 0 ? ['a sweep has found what was missed'] : []),
    ...(sum(sample, 'inbox_forgotten_messages_total') > 0 ? ['messages waited behind nothing'] : []),
    ...(sample.ready !== 200 && sample.reasons === '' ? ['it does not say why it is not ready'] : []),
  ]
}

/** All is well, something wants attention, or the database is away. */
const ANSWERS = [0, 5, 4]

function falseStatus(code: number | null, said: string, processes: readonly Running[]): string[] {
  if (code === null || !ANSWERS.includes(code)) return [`status ended with ${code}: ${said.slice(0, 200)}`]
  if (code === 4) return said.includes('WAYBILL_') ? [] : [`status does not say what is wrong: ${said}`]
  const known = processes.map(({ name }) => name)
  const strangers = statusOf(said).relays.filter(({ host }) => !known.includes(host ?? ''))
  return strangers.map(({ host }) => `status knows a relay ${host} that was never there`)
}

/** Sum over processes of the most that each has ever counted. */
export function counted(samples: readonly Sample[], name: string, labels: string): number {
  const most = new Map<string, number>()
  for (const sample of samples) {
    const before = most.get(sample.process) ?? 0
    most.set(sample.process, Math.max(before, sum(sample, name, labels)))
  }
  return [...most.values()].reduce((total, each) => total + each, 0)
}
