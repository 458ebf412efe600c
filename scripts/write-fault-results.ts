import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { faultRows, scenariosIn, type FaultRow } from './fault-table.ts'

/**
 * Writes what the scenarios came to into the last column of docs/faults.md: into a line the results of all whose titles have
 * one of its numbers.
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
const FOLDER = 'test/faults'
const [report] = process.argv.slice(2)
if (report === undefined) throw new Error('Wanted is the file that FAULTS_REPORT named.')

const results = new Map<string, Result>()
for (const line of readFileSync(report, 'utf8').trim().split('\n')) {
  const result = JSON.parse(line) as Result
  results.set(result.name, result)
}
const scenarios = readdirSync(FOLDER).flatMap((file) =>
  file.endsWith('.test.ts') ? scenariosIn(file, readFileSync(`${FOLDER}/${file}`, 'utf8')) : [],
)
const missing = scenarios.filter(({ name }) => !results.has(name)).map(({ name }) => name)
if (missing.length > 0)
  throw new Error(`Wanted are the results of all scenarios. Missing: ${missing.join('; ')}`)

let page = readFileSync(PAGE, 'utf8')
for (const row of faultRows(page)) page = page.replace(row.line, () => filledIn(row))
writeFileSync(PAGE, page)
execFileSync('npx', ['prettier', '--write', '--log-level', 'warn', PAGE], { stdio: 'inherit' })

function filledIn({ line, numbers }: FaultRow): string {
  const own = scenarios.filter((scenario) => scenario.numbers.some((number) => numbers.includes(number)))
  if (own.length === 0) return line
  const came = own.flatMap(({ name }) => results.get(name) ?? [])
  const sum = (count: (result: Result) => number): number =>
    came.reduce((total, each) => total + count(each), 0)
  const longest = Math.max(...came.map(({ drainedMs }) => drainedMs))
  const figures = `${sum(({ committed }) => committed)}, ${sum(({ duplicates }) => duplicates)}, ${(longest / 1000).toFixed(1)} s`
  return [...line.split('|').slice(0, 5), ` ${figures} `, ''].join('|')
}
