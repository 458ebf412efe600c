import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { RelayOptions } from '../relay/index.ts'
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

export interface RelayProcess extends AsyncDisposable {
  report(): Promise<RelayReport>
  end(signal: NodeJS.Signals): Promise<void>
}

const CHILD = fileURLToPath(new URL('relay-child.ts', import.meta.url))

/** Resolves when the relay runs. */
export async function startRelayProcess(
  { databaseUrl, amqpUrl }: Setting,
  options: RelayOptions = {},
): Promise<RelayProcess> {
  const orders = JSON.stringify({ databaseUrl, amqpUrl, options })
  const child = fork(CHILD, [orders], { execArgv: ['--import', 'tsx'] })
  const exited = once(child, 'exit')
  const answer = async (): Promise<unknown> => {
    const ended = exited.then(() => Promise.reject(new Error('The relay process has ended.')))
    const [message] = (await Promise.race([once(child, 'message'), ended])) as [unknown]
    return message
  }
  await answer()
  return {
    async report() {
      child.send('report')
      return (await answer()) as RelayReport
    },
    async end(signal) {
      child.kill(signal)
      await exited
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await exited
    },
  }
}
