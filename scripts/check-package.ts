import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { DOORS, PROGRAM } from './doors.ts'

/**
 * Packs what dist/ holds, as `npm publish` would, and looks at the result from outside: the shape of the package,
 * its types, every door by import and by `require()` of CommonJS, and that the program can be executed.
 */

// Under node_modules, so that the unpacked package finds its dependencies there.
const PLACE = resolve('node_modules/.cache/waybill-package')
const UNPACKED = join(PLACE, 'node_modules', 'waybill')

rmSync(PLACE, { recursive: true, force: true })
mkdirSync(UNPACKED, { recursive: true })
const tarball = join(PLACE, pack())
run('tar', '-xzf', tarball, '-C', UNPACKED, '--strip-components', '1')

run('publint', tarball, '--strict')
run('attw', tarball, '--profile', 'esm-only', '--format', 'ascii')
const names = Object.keys(DOORS).map((door) => (door === 'index' ? 'waybill' : `waybill/${door}`))
node('module', names.map((name) => `await import('${name}')`).join('\n'))
node('commonjs', names.map((name) => `require('${name}')`).join('\n'))
for (const name of Object.keys(PROGRAM)) checkProgram(join(UNPACKED, 'dist', `${name}.js`))
checkFaults()

function pack(): string {
  const json = run('npm', 'pack', '--ignore-scripts', '--json', '--pack-destination', PLACE)
  const [packed] = JSON.parse(json) as [{ filename: string }]
  return packed.filename
}

function node(type: 'module' | 'commonjs', code: string): void {
  execFileSync(process.execPath, [`--input-type=${type}`, '--eval', code], { cwd: PLACE, stdio: 'inherit' })
}

function checkProgram(file: string): void {
  if (!existsSync(file)) throw new Error(`${file} is not in the package.`)
  if (!readFileSync(file, 'utf8').startsWith('#!/usr/bin/env node\n')) {
    throw new Error(`${file} does not begin with #!/usr/bin/env node.`)
  }
}

/** The names of faults stand in what `waybill/testing` loads, and in nothing that any other door or a program does. */
function checkFaults(): void {
  const having = [...Object.keys(DOORS), ...Object.keys(PROGRAM)].filter((name) =>
    loadedBy(join(UNPACKED, 'dist', `${name}.js`)).some((file) =>
      readFileSync(file, 'utf8').includes('crash-before-commit'),
    ),
  )
  if (having.join() !== 'testing')
    throw new Error(`Failpoints are in ${having.join(', ')} and not in testing alone.`)
}

/** A built file and those of the package that it imports, directly or not. */
function loadedBy(entry: string): string[] {
  const files = new Set([entry])
  for (const file of files) {
    for (const [, name = ''] of readFileSync(file, 'utf8').matchAll(
      /\b(?:from|import)\s*\(?\s*["'](\.[^"']+)["']/g,
    )) {
      files.add(join(dirname(file), name))
    }
  }
  return [...files]
}

/** Windows runs the programs of node_modules through its shell only. */
function run(program: string, ...args: string[]): string {
  try {
    return execFileSync(program, args, {
      encoding: 'utf8',
      stdio: 'pipe',
      shell: process.platform === 'win32',
    })
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string }
    console.error(`${program} ${args.join(' ')}\n${stdout ?? ''}${stderr ?? ''}`)
    throw new Error(`${program} failed.`, { cause: error })
  }
}
