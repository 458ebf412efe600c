import { spawn } from 'node:child_process'
import { delimiter, join } from 'node:path'

export interface Step {
  readonly name: string
  /** A command line; the programs of node_modules are at hand. */
  readonly command: string
  /** Steps by name that must have succeeded before. */
  readonly after?: readonly string[]
}

export interface StepResult {
  readonly ok: boolean
  readonly seconds: number
  readonly output: string
}

/** Runs one step and collects what it prints. */
export async function runStep({ command }: Step): Promise<StepResult> {
  const startedAt = performance.now()
  const path = `${join(process.cwd(), 'node_modules', '.bin')}${delimiter}${process.env['PATH'] ?? ''}`
  const env = { ...process.env, PATH: path, FORCE_COLOR: '0' }
  // Through the shell, because Windows has no other way to run the programs of node_modules.
  const child = spawn(command, { shell: true, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  return { ok: code === 0, seconds: (performance.now() - startedAt) / 1000, output }
}
