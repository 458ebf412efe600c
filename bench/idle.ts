import type { Row } from './measure.ts'
import { startRelayProcess } from './relay-process.ts'
import { pause, type Setting } from './setting.ts'

const LIMITS = { cpu: 1, statements: 25 }

/** What a relay costs that has nothing to do. */
export async function benchIdle(setting: Setting): Promise<Row[]> {
  await using relay = await startRelayProcess(setting)
  // What a start costs, such as the first compilation of the code, is not idleness.
  await pause(5_000)
  await relay.report()
  const started = performance.now()
  await pause(20_000 * setting.scale)
  const { cpuMs, statements } = await relay.report()
  const elapsed = performance.now() - started
  return [
    row('cpu', { value: (cpuMs / elapsed) * 100, unit: '% of a core', limit: LIMITS.cpu }),
    row('statements', { value: (statements / elapsed) * 1_000, unit: '/s', limit: LIMITS.statements }),
  ]
}

function row(variant: string, measured: { value: number; unit: string; limit: number }): Row {
  return { bench: 'idle', variant, ...measured, ratio: measured.value / measured.limit }
}
