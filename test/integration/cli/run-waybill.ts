import { createRequire } from 'node:module'
import { spawn } from 'node:child_process'
import { runCli } from '../../../relay/cli/cli.ts'
import { COMMANDS } from '../../../relay/cli/commands.ts'
import { PROJECT_ROOT } from '../../support/child.ts'

export interface WaybillRun {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

const TSX = createRequire(import.meta.url).resolve('tsx')

/** Runs the executable to its end with these variables and no other WAYBILL_ ones, and keeps its streams apart. */
export function runWaybill(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<WaybillRun> {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('WAYBILL_'))
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--import', TSX, 'relay/main.ts', ...args], {
      cwd: PROJECT_ROOT,
      env: { ...Object.fromEntries(inherited), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const streams = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        streams[name] += text
      })
    }
    child.once('error', reject)
    child.once('close', (code) => {
      resolve({ code, ...streams })
    })
  })
}

/** The same in this process, which is quicker where nothing but the answer counts. */
export async function runHere(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<WaybillRun> {
  const printed = { stdout: '', stderr: '' }
  const code = await runCli(args, COMMANDS, {
    env,
    stdout: (text) => (printed.stdout += text),
    stderr: (text) => (printed.stderr += text),
  })
  return { code, ...printed }
}
