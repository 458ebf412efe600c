import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { eventually } from './eventually.ts'
import { whenWeAreGone } from './guard.ts'
import { sendSignal } from './signal.ts'
import type { Owner } from './temp-dir.ts'

export interface ServerCommand {
  readonly file: string
  readonly args: readonly string[]
  readonly cwd: string
  /** Where both output streams go: a file, so that the server never writes into a pipe that nobody reads. */
  readonly logFile: string
  readonly env?: NodeJS.ProcessEnv
  readonly owner?: Owner | undefined
  /** The signal that ends it, children included, when this process is gone. @defaultValue `KILL` */
  readonly endAtOnce?: 'QUIT' | 'KILL'
}

/** One run of a server's process, from its start to its exit. */
export interface ServerProcess {
  readonly pid: number
  readonly running: boolean
  readonly exited: Promise<void>
  /** Waits until `ready` resolves; fails at once, with the log, when the process ends before. */
  waitUntil(ready: () => Promise<unknown>): Promise<void>
  /** Asks it to end by `signal`, insists by SIGKILL after a while, and resolves when it is gone. */
  end(signal: NodeJS.Signals): Promise<void>
}

const STOP_TIMEOUT_MS = 20_000

/** Wakes a frozen server and its children, which a signal could not end otherwise. */
const END = 'pkill -CONT -P "$1"; kill -CONT "$1"; kill -s "$2" "$1"'

/** Its own process group keeps a Ctrl-C meant for the test runner away from the servers. */
export function startServerProcess(command: ServerCommand): ServerProcess {
  const log = openSync(command.logFile, 'a')
  const child = spawn(command.file, command.args, {
    cwd: command.cwd,
    env: command.env ?? process.env,
    stdio: ['ignore', log, log],
    detached: true,
    ...command.owner,
  })
  closeSync(log)
  child.on('error', () => undefined) // A program that cannot be run has no pid, which is reported below.

  const pid = child.pid ?? failToSpawn(command)
  const forget = whenWeAreGone(END, String(pid), command.endAtOnce ?? 'KILL')
  let running = true
  const exited = new Promise<void>((resolve) => {
    const done = (): void => {
      running = false
      forget()
      resolve()
    }
    child.once('exit', done)
  })

  return {
    pid,
    exited,
    get running() {
      return running
    },
    waitUntil: (ready) =>
      firstOf(
        eventually(() => reached(ready)),
        exited,
        command,
      ),
    end: (signal) => end(pid, signal, exited),
  }
}

function failToSpawn(command: ServerCommand): never {
  throw new Error(`${command.file} cannot be run.`)
}

async function reached(ready: () => Promise<unknown>): Promise<true> {
  await ready()
  return true
}

async function firstOf(ready: Promise<true>, exited: Promise<void>, command: ServerCommand): Promise<void> {
  ready.catch(() => undefined) // Seen by the race below, or no longer of interest once the process is gone.
  const died = exited.then(() => false)
  if (await Promise.race([ready, died])) return
  throw new Error(`${command.file} ended before it was ready.\n${tail(command.logFile)}`)
}

function tail(file: string): string {
  return readFileSync(file, 'utf8').slice(-4000)
}

async function end(pid: number, signal: NodeJS.Signals, exited: Promise<void>): Promise<void> {
  sendSignal(pid, signal)
  const insist = setTimeout(() => sendSignal(pid, 'SIGKILL'), STOP_TIMEOUT_MS)
  await exited
  clearTimeout(insist)
}
