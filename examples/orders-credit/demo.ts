import { parseArgs } from 'node:util'
import { describe, isSound, readReport, type Report } from './report.ts'
import { CUSTOMERS, customerName, startWorld, type World } from './world.ts'

const USAGE = `npm run demo -- [--once] [--json] [--count N] [--database-url URL] [--amqp-url URL]

  --once            place the orders, wait until all is handled, report and end
                    (without it, and on a terminal, go on with an order each half second until Ctrl-C)
  --json            print the report as one JSON object on the last line
  --count N         how many orders, default 200
  --database-url    a PostgreSQL of your own; default: one out of npm, private and temporary
  --amqp-url        a RabbitMQ of your own; default: a broker in memory`

interface DemoOptions {
  readonly once: boolean
  readonly json: boolean
  readonly count: number
  readonly databaseUrl: string | undefined
  readonly amqpUrl: string | undefined
}

function readOptions(): DemoOptions {
  const { values } = parseArgs({
    options: {
      once: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      count: { type: 'string', default: '200' },
      'database-url': { type: 'string' },
      'amqp-url': { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  const count = Number(values.count)
  if (values.help) {
    console.log(USAGE)
    process.exit(0)
  }
  if (!Number.isInteger(count) || count < 1)
    throw new Error(`--count must be a whole number from 1, got "${values.count}".\n\n${USAGE}`)
  return {
    once: values.once || !process.stdout.isTTY,
    json: values.json,
    count,
    databaseUrl: values['database-url'],
    amqpUrl: values['amqp-url'],
  }
}

async function placeOrders(world: World, count: number): Promise<void> {
  const total = (): number => 20 + Math.floor(Math.random() * 600)
  const next = { order: 0 }
  const place = async (): Promise<void> => {
    while (next.order < count) {
      next.order += 1
      await world.orders.placeOrder(customerName((next.order % CUSTOMERS) + 1), total())
    }
  }
  await Promise.all(Array.from({ length: 8 }, place))
}

/** Resolves when every order is decided, every message handled and every repeated delivery has come back. */
async function untilHandled(world: World, show: (report: Report) => void): Promise<Report> {
  const patience = AbortSignal.timeout(120_000)
  for (;;) {
    const report = await readReport(world.pool, world.schemas)
    show(report)
    const quiet = report.pending === 0 && report.lost === 0 && report.published === report.written
    if ((quiet && report.duplicates >= world.deliveries.repeated) || patience.aborted) return report
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

async function untilInterrupted(world: World, show: (report: Report) => void): Promise<void> {
  const interrupted = new Promise<'interrupted'>((resolve) => {
    process.once('SIGINT', () => {
      resolve('interrupted')
    })
  })
  console.log('An order each half second; Ctrl-C ends.')
  for (;;) {
    await placeOrders(world, 1)
    const pause = new Promise<'go on'>((resolve) => setTimeout(resolve, 500, 'go on'))
    if ((await Promise.race([pause, interrupted])) === 'interrupted') return
    show(await readReport(world.pool, world.schemas))
  }
}

const progress = (started: number) => (report: Report) => {
  const seconds = ((Date.now() - started) / 1000).toFixed(1).padStart(5)
  console.log(
    `${seconds} s  orders ${String(report.orders)}  open ${String(report.open)}  cancelled ${String(report.cancelled)}` +
      `  messages ${String(report.handled)}/${String(report.written)} handled  duplicates ${String(report.duplicates)}`,
  )
}

async function main(): Promise<void> {
  const options = readOptions()
  console.log(
    `Starting ${options.databaseUrl === undefined ? 'a private PostgreSQL' : 'on your PostgreSQL'}, two services and a relay for each.`,
  )
  const world = await startWorld(options)
  try {
    const show = progress(Date.now())
    const placing = placeOrders(world, options.count)
    await placing
    let report = await untilHandled(world, show)
    if (!options.once) {
      await untilInterrupted(world, show)
      report = await untilHandled(world, () => undefined)
    }
    console.log(`\n${describe(report)}`)
    if (options.json) console.log(JSON.stringify(report))
    process.exitCode = isSound(report) ? 0 : 1
  } finally {
    await world.stop()
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})
