import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'

/** What the suites run on. */
export interface Ground {
  /** Such as `Node 22.23.3`. */
  readonly label: string
  /** The Node program. */
  readonly node: string
  readonly env: Readonly<Record<string, string>>
}

export interface Result {
  readonly label: string
  readonly passed: number
  readonly failed: number
}

const TSX = createRequire(import.meta.url).resolve('tsx/cli')

/** Runs `scripts/test.ts` with these arguments and hands its output on. */
export async function runSuites({ label, node, env }: Ground, args: readonly string[]): Promise<Result> {
  console.log(`\n${label}: ${args.join(' ')}`)
  const child = spawn(node, [TSX, 'scripts/test.ts', ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
    process.stdout.write(text)
  })
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', () => {
      resolve()
    })
  })
  const [, passed, failed] = [...output.matchAll(/^(\d+) passed, (\d+) failed$/gm)].at(-1) ?? []
  // Without the last line it did not come to its end.
  return { label, passed: Number(passed ?? 0), failed: Number(failed ?? 1) }
}

/** Prints what came of all grounds; the last line is the sum, as of `npm test`. */
export function conclude(results: readonly Result[]): void {
  console.log('')
  for (const { label, passed, failed } of results) console.log(`${label}: ${passed} passed, ${failed} failed`)
  const sum = (count: (result: Result) => number): number =>
    results.reduce((total, result) => total + count(result), 0)
  const failed = sum((result) => result.failed) + (results.length === 0 ? 1 : 0)
  console.log(`${sum((result) => result.passed)} passed, ${failed} failed`)
  if (failed > 0 || results.some(({ passed }) => passed === 0)) process.exitCode = 1
}
