import { setTimeout as sleep } from 'node:timers/promises'
import { curlLines } from './admin.ts'
import { CUSTOMERS, customerName } from './customers.ts'
import { createOperator, type Operator } from './operator.ts'
import { readOptions, USAGE, UsageError, type DemoOptions } from './options.ts'
import { repairFailures } from './repair.ts'
import { deadNow, describe, isSound, readReport, type Report } from './report.ts'
import { startWorld, type World } from './world.ts'

type Show = (report: Report) => void

/** Without any progress for this long something is broken, and the report says what. */
const PATIENCE_MS = 60_000
const ORDER_EVERY_MS = 500
/** Each tenth order of those. */
const SHOW_EACH = 10
const CREDIT = 'demo-credit'
const INTERRUPTED = 130
const MISUSED = 2

/** @returns what places the next so many orders. */
function orderPlacer(world: World): (count: number, signal?: AbortSignal) => Promise<void> {
  let placed = 0
  const total = (): number => 20 + Math.floor(Math.random() * 600)
  return async (count, signal) => {
    const until = placed + count
    const place = async (): Promise<void> => {
      while (placed < until && signal?.aborted !== true) {
        placed += 1
        await world.orders.placeOrder(customerName((placed % CUSTOMERS) + 1), total())
      }
    }
    await Promise.all(Array.from({ length: 8 }, place))
    signal?.throwIfAborted()
  }
}

interface Waiting {
  readonly show: Show
  readonly signal?: AbortSignal
}

/** Resolves when it is so, or when nothing has moved for a long time. */
async function untilIs(
  world: World,
  isSo: (report: Report) => boolean,
  { show, signal }: Waiting,
): Promise<Report> {
  let last = ''
  let movedAt = Date.now()
  for (;;) {
    const report = await readReport(world.pool, world.schemas)
    const now = JSON.stringify(report)
    if (now !== last) {
      last = now
      movedAt = Date.now()
      show(report)
    }
    if (isSo(report) || Date.now() - movedAt > PATIENCE_MS) return report
    await sleep(100, undefined, { signal })
  }
}

/** Every message is handled, or a dead letter. */
const isSettled = (report: Report): boolean =>
  report.published === report.written && report.handled + deadNow(report) === report.written

/** Every message is handled, and every repeated delivery has come back. */
const isDone =
  ({ deliveries }: World) =>
  (report: Report): boolean =>
    report.published === report.written &&
    report.handled === report.written &&
    report.pending === 0 &&
    report.duplicates >= deliveries.repeated

interface Run {
  readonly world: World
  readonly operator: Operator
  readonly placeOrders: (count: number, signal?: AbortSignal) => Promise<void>
  readonly show: Show
  /** Ctrl-C. */
  readonly signal: AbortSignal
}

/** Places orders, some of which cannot be handled, shows what has become of those, mends the cause and replays them. */
async function runStory({ world, operator, placeOrders, show, signal }: Run, count: number): Promise<Report> {
  await placeOrders(count, signal)
  await untilIs(world, isSettled, { show, signal })
  await repairFailures(world, operator, signal)
  console.log('')
  return untilIs(world, isDone(world), { show, signal })
}

/** Goes on until Ctrl-C, then finishes what is on its way. */
async function goOn({ world, operator, placeOrders, show, signal }: Run): Promise<Report> {
  console.log(`\nThe admin API of the credit service, to look around:\n`)
  console.log(curlLines(world.admin, CREDIT))
  console.log('\nAn order each half second; Ctrl-C ends.\n')
  for (let placed = 1; !signal.aborted; placed += 1) {
    await placeOrders(1)
    if (placed % SHOW_EACH === 0) show(await readReport(world.pool, world.schemas))
    await sleep(ORDER_EVERY_MS, undefined, { signal }).catch(() => undefined)
  }
  for (const name of await operator.resumeAll()) console.log(`${name} was paused and goes on, to finish.`)
  return untilIs(world, isDone(world), { show: () => undefined })
}

const progress = (started: number) => (report: Report) => {
  const seconds = ((Date.now() - started) / 1000).toFixed(1).padStart(5)
  console.log(
    `${seconds} s  orders ${String(report.orders)}  open ${String(report.open)}  cancelled ${String(report.cancelled)}` +
      `  messages ${String(report.handled)}/${String(report.written)} handled  duplicates ${String(report.duplicates)}` +
      `  dead ${String(deadNow(report))}`,
  )
}

async function runDemo(options: DemoOptions, signal: AbortSignal): Promise<void> {
  const database = options.databaseUrl === undefined ? 'a private PostgreSQL' : 'on your PostgreSQL'
  console.log(`Starting ${database}, two services and a relay for each.`)
  const world = await startWorld(options)
  try {
    console.log(`The admin API of the credit service: ${world.admin.url}`)
    const operator = createOperator(world.admin)
    const run: Run = {
      ...{ world, operator, signal, placeOrders: orderPlacer(world), show: progress(Date.now()) },
    }
    let report = await runStory(run, options.count)
    if (!options.once) report = await goOn(run)
    console.log(`\n${describe(report)}`)
    if (options.json) console.log(JSON.stringify(report))
    process.exitCode = isSound(report) ? 0 : 1
  } finally {
    await world.stop()
  }
}

/** Aborts at the first Ctrl-C, so that all is taken down; the second one ends at once. */
function interruption(): AbortSignal {
  const controller = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(INTERRUPTED)
      controller.abort()
    })
  }
  return controller.signal
}

/** With what has led to it. Errors of addresses that cannot be connected to may have no message of their own. */
function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error instanceof AggregateError && error.message === '') return error.errors.map(explain).join('; ')
  return error.cause === undefined ? error.message : `${error.message} (${explain(error.cause)})`
}

async function main(): Promise<void> {
  const interrupted = interruption()
  try {
    const options = readOptions(process.argv.slice(2), process.stdout.isTTY)
    if (options === null) console.log(USAGE)
    else await runDemo(options, interrupted)
  } catch (error) {
    process.exitCode = interrupted.aborted ? INTERRUPTED : error instanceof UsageError ? MISUSED : 1
    if (error instanceof UsageError) console.error(`${error.message}\n\n${USAGE}`)
    else console.error(interrupted.aborted ? '\nInterrupted; everything is taken down.' : explain(error))
  }
}

await main()
