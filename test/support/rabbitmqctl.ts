import { run } from './run.ts'

/** How to reach one broker by rabbitmqctl: plain data, so that it can be handed to the workers of the test runner. */
export interface Rabbitmqctl {
  readonly command: readonly [string, ...string[]]
  readonly env: Readonly<Record<string, string>>
}

/** A hung rabbitmqctl (it waits without end for a node that is gone) must not hang the suite. */
const TIMEOUT_MS = 60_000

/** Runs rabbitmqctl; resolves with its output. */
export function runCtl({ command, env }: Rabbitmqctl, args: readonly string[]): Promise<string> {
  const [file, ...leading] = command
  const options = { env: { ...process.env, ...env }, timeout: TIMEOUT_MS }
  return run(file, [...leading, '--quiet', ...args], options)
}

/** Evaluates an Erlang expression inside the node; the full stop at its end may be left out. */
export function evalOn(rabbitmqctl: Rabbitmqctl, erlang: string): Promise<string> {
  const expression = erlang.trim().endsWith('.') ? erlang : `${erlang}.`
  return runCtl(rabbitmqctl, ['eval', expression])
}
