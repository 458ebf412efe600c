import { randomBytes } from 'node:crypto'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { startPostgres } from '../support/postgres-server.ts'
import { runFuzz, type RunReport } from './run.ts'

const USAGE =
  'npm run fuzz -- [--minutes N] [--seed S] [--stormy] [--largest-batch N] [--no-sweep] [--pipelined] [--json] [--database-url URL]'
const RUN_SECONDS = 20
/** Violations of each kind that are printed in full. */
const SHOWN = 8

/** Runs of 20 seconds, calm and stormy in turn, each on a database of its own, until the time is over. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '1' },
      seed: { type: 'string', default: randomBytes(6).toString('hex') },
      'no-sweep': { type: 'boolean', default: false },
      stormy: { type: 'boolean', default: false },
      pipelined: { type: 'boolean', default: false },
      'largest-batch': { type: 'string', default: '100' },
      json: { type: 'boolean', default: false },
      'database-url': { type: 'string' },
    },
  })
  const minutes = Number(values.minutes)
  if (!(minutes > 0)) throw new Error(`--minutes must be above 0, got "${values.minutes}". ${USAGE}`)
  const server = values['database-url'] === undefined ? await startPostgres() : undefined
  const serverUrl = values['database-url'] ?? server?.url ?? ''
  const reports: RunReport[] = []
  try {
    const rounds = Math.max(1, Math.round((minutes * 60) / RUN_SECONDS))
    const seconds = (minutes * 60) / rounds
    for (let round = 0; round < rounds; round += 1) {
      const url = await createDatabase(serverUrl, `fuzz_${randomBytes(4).toString('hex')}`)
      const options = {
        url,
        seed: `${values.seed}.${String(round)}`,
        seconds,
        calm: !values.stormy && round % 3 === 0,
        sweep: !values['no-sweep'],
        order: values.pipelined ? ('pipelined' as const) : ('strict' as const),
        largestBatch: Number(values['largest-batch']),
      }
      const report = await runFuzz(options)
      reports.push(report)
      console.log(describe(report))
    }
  } finally {
    await server?.stop()
  }
  const failed = reports.some((report) => report.violations.length > 0)
  if (failed)
    console.log(
      `To replay its decisions: npm run fuzz -- --minutes ${values.minutes} --seed ${values.seed} …`,
    )
  if (values.json) console.log(JSON.stringify(reports))
  process.exit(failed ? 1 : 0)
}

async function createDatabase(serverUrl: string, name: string): Promise<string> {
  const client = new pg.Client(serverUrl)
  await client.connect()
  await client.query(`create database ${name}`)
  await client.end()
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  return url.href
}

function describe(report: RunReport): string {
  const coverage = Object.entries(report.coverage)
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([event, count]) => `${event} ${String(count)}`)
    .join(', ')
  const head = `seed ${report.seed} ${report.calm ? 'calm' : 'stormy'}: ${String(report.committed)} committed, ${String(report.arrivals)} arrivals, ${String(report.duplicates)} duplicates, ${String(report.violations.length)} violations`
  const broken = [...new Set(report.violations.map(({ property }) => property))]
  const violations = broken.flatMap((property) => {
    const all = report.violations.filter((violation) => violation.property === property)
    const shown = all.slice(0, SHOWN).map(({ detail }) => `    ${detail}`)
    return [`  VIOLATION ${property}: ${String(all.length)}`, ...shown]
  })
  return [head, `  ${coverage}`, ...violations].join('\n')
}

main().catch((error: unknown) => {
  console.error(error)
  process.exit(1)
})
