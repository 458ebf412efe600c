import { parseArgs } from 'node:util'
import { findBroker, findDatabase } from '../support/servers.ts'
import { isPrompt, LEASE_MS, roll } from './roll.ts'

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
  const { violations, failedStops, duplicates, longestWaitMs } = report
  return (
    violations.length + failedStops.length + duplicates === 0 && isPrompt(report) && longestWaitMs < LEASE_MS
  )
}

main().then(
  (isWell) => process.exit(isWell ? 0 : 1),
  (error: unknown) => {
    console.error(error)
    process.exit(1)
  },
)
