import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'

/**
 * Writes what the scenarios came to into the last column of docs/faults.md.
 *
 * Usage: FAULTS_REPORT=results.jsonl npm run test:faults, then npm run faults:results -- results.jsonl
 */

interface Result {
  readonly name: string
  readonly committed: number
  readonly duplicates: number
  readonly drainedMs: number
}

const PAGE = 'docs/faults.md'
const [file] = process.argv.slice(2)
if (file === undefined) throw new Error('Wanted is the file that FAULTS_REPORT named.')

const results = new Map<string, Result>()
for (const line of readFileSync(file, 'utf8').trim().split('\n')) {
  const result = JSON.parse(line) as Result
  results.set(result.name, result)
}
const lines = readFileSync(PAGE, 'utf8').split('\n').map(filledIn)
writeFileSync(PAGE, lines.join('\n'))
execFileSync('npx', ['prettier', '--write', '--log-level', 'warn', PAGE], { stdio: 'inherit' })

function filledIn(line: string): string {
  const [before, scenario = '', promised = ''] = line.split('|')
  const result = results.get(scenario.trim())
  if (before !== '' || result === undefined) return line
  const { committed, duplicates, drainedMs } = result
  return `|${scenario}|${promised}| ${committed}, ${duplicates}, ${(drainedMs / 1000).toFixed(1)} s |`
}
