import type { RelayOptions } from '../relay/index.ts'
import { startProcess, type BenchProcess } from './process.ts'
import type { Setting } from './setting.ts'

/** What a relay has done since it was asked last. */
export interface RelayReport {
  readonly settled: number
  readonly statements: number
  readonly fetchMs: readonly number[]
  readonly settleMs: readonly number[]
  /** In MiB. */
  readonly mostMemory: number
  readonly cpuMs: number
}

export type RelayProcess = BenchProcess<RelayReport>

/** Resolves when the relay runs. */
export function startRelayProcess(
  { databaseUrl, amqpUrl }: Setting,
  options: RelayOptions = {},
): Promise<RelayProcess> {
  return startProcess(new URL('relay-child.ts', import.meta.url), { databaseUrl, amqpUrl, options })
}
