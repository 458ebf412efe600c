import { parseArgs } from 'node:util'
import { findBroker, findDatabase } from '../support/servers.ts'
import { LEASE_MS, LONGEST_GAP_MS, roll } from './roll.ts'

const USAGE = 'npm run rolling -- [--minutes N] [--json]'

/** Restarts two relays and three consumers in turn under load, on servers of its own, and says what came of it. */
async function main(): Promise<boolean> {
  const { values } = parseArgs({
    options: { minutes: { type: 'string', default: '1' }, json: { type: 'boolean', default: false } },
  })
  const seconds = Number(values.minutes) * 60
  if (!(seconds > 0)) throw new Error(`--minutes must be above 0, got "${values.minutes}". ${USAGE}`)
  await using database = await findDatabase()
  await using broker = await findBroker()
  const report = await roll({ databaseUrl: database.url, amqpUrl: broker.url, seconds })
  if (values.json) console.log(JSON.stringify(report))
  else console.log(report)
  const { violations, failedStops, duplicates, longestGapMs, longestWaitMs } = report
  const isPrompt = longestGapMs <= LONGEST_GAP_MS && longestWaitMs < LEASE_MS
  return violations.length + failedStops.length + duplicates === 0 && isPrompt
}

main().then(
  (isWell) => process.exit(isWell ? 0 : 1),
  (error: unknown) => {
    console.error(error)
    process.exit(1)
  },
)
