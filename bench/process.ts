import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** A program in a process of its own. */
export interface BenchProcess<Report> extends AsyncDisposable {
  /** What it has done since it was asked last. */
  report(): Promise<Report>
  end(signal: NodeJS.Signals): Promise<void>
}

const LOADER = new URL('strip-types.mjs', import.meta.url).href

/**
 * Starts a file, which is given its orders as JSON, says once that it is ready, and answers each message
 * with a report.
 */
export async function startProcess<Report>(file: URL, orders: unknown): Promise<BenchProcess<Report>> {
  const child = fork(fileURLToPath(file), [JSON.stringify(orders)], { execArgv: ['--import', LOADER] })
  const exited = once(child, 'exit')
  const answer = async (): Promise<unknown> => {
    const ended = exited.then(() => Promise.reject(new Error(`The process of ${file.href} has ended.`)))
    const [message] = (await Promise.race([once(child, 'message'), ended])) as [unknown]
    return message
  }
  await answer()
  return {
    async report() {
      child.send('report')
      return (await answer()) as Report
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
