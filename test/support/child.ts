import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { PATIENCE_MS } from '../../testing/contracts/patience.ts'
import { eventually } from './eventually.ts'
import { whenWeAreGone } from './guard.ts'
import { sendSignal } from './signal.ts'

export interface ChildOptions {
  readonly args?: readonly string[]
  /** Set over the environment of this process; `undefined` takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>
}

export interface ChildExit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A process of this project: TypeScript runs as it is. */
export interface Child extends AsyncDisposable {
  readonly pid: number
  /** Both streams so far, as one text. */
  readonly output: string
  readonly exited: Promise<ChildExit>
  /** What `kill` has sent last. */
  readonly sent: NodeJS.Signals | null
  /** Resolves with the first line that matches; fails at once when the process ends without having printed it. */
  line(pattern: RegExp, timeoutMs?: number): Promise<string>
  kill(signal?: NodeJS.Signals): Promise<ChildExit>
}

/** The folder of package.json. */
export const PROJECT_ROOT: string = fileURLToPath(new URL('../../', import.meta.url))

const TSX = createRequire(import.meta.url).resolve('tsx')

/** Starts `file` (absolute, or from the project's root) in a Node process of its own. */
export function startChild(file: string, options: ChildOptions = {}): Child {
  const child = spawn(process.execPath, ['--import', TSX, file, ...(options.args ?? [])], {
    cwd: PROJECT_ROOT,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const { pid } = child
  if (pid === undefined) throw new Error(`${file} cannot be started.`)

  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const forget = whenWeAreGone('kill -s KILL "$1"', String(pid))
  let exit: ChildExit | undefined
  let sent: NodeJS.Signals | null = null
  const exited = new Promise<ChildExit>((resolve) => {
    // `close` and not `exit`: it comes when the streams have been read to their end.
    child.once('close', (code, signal) => {
      forget()
      exit = { code, signal }
      resolve(exit)
    })
  })
  const kill = (signal: NodeJS.Signals = 'SIGTERM'): Promise<ChildExit> => {
    if (!exit) {
      sent = signal
      sendSignal(pid, signal)
    }
    return exited
  }

  return {
    pid,
    exited,
    get output() {
      return output
    },
    get sent() {
      return sent
    },
    line: async (pattern, timeoutMs = PATIENCE_MS) => {
      const found = await eventually(() => findLine(output, pattern) ?? (exit && { exit }), { timeoutMs })
      if (typeof found === 'string') return found
      throw new Error(
        `${file} ended (${JSON.stringify(found.exit)}) without a line like ${String(pattern)}.\n${output}`,
      )
    },
    kill,
    [Symbol.asyncDispose]: async () => {
      await kill('SIGKILL')
    },
  }
}

function findLine(output: string, pattern: RegExp): string | undefined {
  return output.split(/\r?\n/).find((line) => pattern.test(line))
}
