import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { canInstall, install } from './install.ts'
import { run } from './run.ts'

/** The folder of `prometheus` and `promtool`, which Debian's package brings along; installed where it may be. */
export async function findPrometheus(): Promise<string> {
  const found = folder()
  if (found !== undefined) return found
  if (canInstall()) await install('prometheus')
  return folder() ?? missing()
}

/** Runs promtool to its end; fails with what it says when it finds something wrong. */
export async function promtool(args: readonly string[]): Promise<string> {
  return run(join(await findPrometheus(), 'promtool'), args)
}

/** What promtool says of the answer of `url`; it reads metrics from its standard input only. */
export async function promtoolOnMetrics(url: string): Promise<string> {
  const page = await (await fetch(url)).text()
  const file = join(await findPrometheus(), 'promtool')
  const { stdout, stderr } = spawnSync(file, ['check', 'metrics'], { input: page, encoding: 'utf8' })
  return stdout + stderr
}

function folder(): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  return folders.find(
    (path) => path !== '' && ['prometheus', 'promtool'].every((name) => isProgram(join(path, name))),
  )
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false // Missing, or not for us to run: either way not this one.
  }
}

function missing(): never {
  throw new Error(
    'Install Prometheus 2.42 or newer, with promtool: Debian and Ubuntu have the package prometheus.',
  )
}
