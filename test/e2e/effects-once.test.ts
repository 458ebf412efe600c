import { expect, it } from 'vitest'
import type { Child } from '../support/child.ts'
import { eventually } from '../support/eventually.ts'
import { createRelaySetting, type RelaySetting } from './relay-setting.ts'

/** How many deliveries the consumer knew already. */
const repeated = (...consumers: Child[]): number =>
  consumers.reduce((sum, { output }) => sum + (output.match(/^duplicate$/gm)?.length ?? 0), 0)

/** Waits until messages arrive again, so that whatever is done next is done under load. */
async function underLoad({ history }: RelaySetting): Promise<void> {
  const { length } = history.arrivals
  await eventually(() => history.arrivals.length > length + 50, { everyMs: 1 })
}

/** Kills relays in the moment in which a message arrives, until one has left something to publish again. */
async function killRelays(setting: RelaySetting, first: Child): Promise<void> {
  let victim = first
  const { duplicates } = await setting.verdict()
  for (;;) {
    await underLoad(setting)
    await victim.kill('SIGKILL')
    setting.fault('relay killed', 'victim')
    await setting.takenOver('victim')
    await underLoad(setting)
    if ((await setting.verdict()).duplicates > duplicates) return
    victim = await setting.relay({ WAYBILL_HOST: 'victim' })
    await eventually(async () => (await setting.owners())['victim'] !== undefined)
  }
}

async function freezeRelay(setting: RelaySetting, frozen: Child): Promise<void> {
  await underLoad(setting)
  process.kill(frozen.pid, 'SIGSTOP')
  setting.fault('relay frozen', 'frozen')
  await setting.takenOver('frozen')
  process.kill(frozen.pid, 'SIGCONT')
  await frozen.line(/has lost its lease and begins anew/)
  await eventually(async () => (await setting.owners())['frozen'] !== undefined)
}

async function stopRelay(setting: RelaySetting, stopped: Child): Promise<void> {
  await underLoad(setting)
  expect(await stopped.kill('SIGTERM')).toEqual({ code: 0, signal: null })
  await setting.takenOver('stopped')
}

it('each committed message takes effect once, while relays and consumers are killed, frozen and stopped', async () => {
  await using setting = await createRelaySetting()
  const steady = await setting.consumer()
  const dying = await setting.consumer({ DIE_AT_ACK: '40' })
  const relays: Child[] = []
  for (const host of ['victim', 'frozen', 'stopped']) relays.push(await setting.relay({ WAYBILL_HOST: host }))
  const [victim, frozen, stopped] = relays as [Child, Child, Child]
  await eventually(async () => Object.keys(await setting.owners()).length === 3)
  const load = setting.startLoad()

  // A consumer that dies between commit and ack leaves a delivery whose message has taken effect.
  expect((await dying.exited).signal).toBe('SIGKILL')
  await eventually(() => repeated(steady) > 0)

  await killRelays(setting, victim)
  await freezeRelay(setting, frozen)
  await stopRelay(setting, stopped)

  const late = await setting.consumer()
  process.kill(steady.pid, 'SIGSTOP')
  await underLoad(setting)
  await steady.kill('SIGKILL')
  await underLoad(setting)

  await load.stop()
  await setting.settled()
  const verdict = await setting.verdict()
  expect(verdict.violations).toEqual([])
  expect(setting.history.coverage.get('takeover')).toBeGreaterThanOrEqual(3)
  expect([...setting.history.written.values()].some(({ fate }) => fate === 'rolled back')).toBe(true)
  expect(verdict.duplicates).toBeGreaterThan(0)
  expect((await late.kill('SIGTERM')).code).toBe(0)
})
