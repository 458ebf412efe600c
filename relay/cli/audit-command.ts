import {
  auditConservation,
  createMissing,
  writeMissing,
  type AuditedDatabase,
  type ConservationReport,
} from '../../src/ports.ts'
import { databasesOf, lookAtBroker, withDatabase, type DatabaseTarget } from '../compose.ts'
import type { Command, CommandCall, Flags } from './command.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { describeReport, type AuditReport, type Replay } from './operators/describe-audit.ts'
import { time } from './operators/filter-flags.ts'
import { json } from './operators/table.ts'
import {
  actorOf,
  number,
  onlyTarget,
  OPERATOR_HELP,
  OPERATOR_OPTIONS,
  text,
  usage,
} from './operators/with-operations.ts'

const TEXT = { type: 'string' } as const
const SWITCH = { type: 'boolean' } as const

/** `waybill audit` */
export const auditCommand: Command = {
  name: 'audit',
  summary: 'Holds what consumers remember to what was written; names what is missing, and writes it again.',
  options: {
    ...{ from: TEXT, to: TEXT, consumer: TEXT, types: TEXT, settle: TEXT, 'consumer-database-url': TEXT },
    ...{ replay: SWITCH, yes: SWITCH, expect: TEXT },
    ...OPERATOR_OPTIONS,
  },
  optionHelp: [
    ['--from, --to <time>', 'Messages made then, such as 2026-01-31T12:00:00Z. Default: all that is known.'],
    ['--consumer <names>', 'Some consumers, with commas between them. Default: all that are known.'],
    ['--types <types>', 'What they take, for consumers that have not said so.'],
    ['--settle <seconds>', 'How old a message is before it is expected to have arrived. Default: 60.'],
    ['--consumer-database-url <url>', 'Instead of WAYBILL_CONSUMER_DATABASE_URL. Other users can see it.'],
    ['--replay', 'Would write again what is missing; does it with --yes.'],
    ['--expect <number>', 'Writes nothing again unless it is so many.'],
    ...OPERATOR_HELP,
  ],
  notes:
    'Needs WAYBILL_DATABASE_URL, where outboxes have the option `history`, and WAYBILL_CONSUMER_DATABASE_URL if consumers\n' +
    'remember elsewhere. With WAYBILL_AMQP_URL it says how much waits in their queues, which counts as missing.\n' +
    'What is written again keeps its message id, and stands behind what was written meanwhile, also of its key.\n' +
    'Exit code 0: nothing is missing. 7: messages are missing, or were never noted. 5: nothing could be judged.',
  use: () => 'database',
  async run(call: CommandCall): Promise<ExitCode> {
    const { config, io, flags } = call
    const target = onlyTarget(config)
    const { WAYBILL_CONSUMER_DATABASE_URL: url, WAYBILL_SCHEMA } = config.values
    const consumers = databasesOf({ WAYBILL_DATABASE_URL: url, WAYBILL_SCHEMA })
    const targets = consumers.length === 0 ? [target] : consumers
    return withAll(call, [target, ...targets], async ([producer = {}, ...others]) => {
      const { report, exit } = await audit(call, producer, others)
      io.stdout(flags['json'] === true ? json(report) : describeReport(report))
      return exit
    })
  },
}

/** Opens one database after the other, and all of them for `work`. */
async function withAll<Result>(
  call: CommandCall,
  [first, ...others]: readonly DatabaseTarget[],
  work: (databases: readonly AuditedDatabase[]) => Promise<Result>,
): Promise<Result> {
  if (first === undefined) return work([])
  const opening = { config: call.config, applicationName: 'waybill audit', connections: 2, isPatient: true }
  return withDatabase(first, opening, async ({ database }) => {
    await database.relay.meta()
    return withAll(call, others, (rest) => work([database, ...rest]))
  })
}

async function audit(
  call: CommandCall,
  producer: AuditedDatabase,
  consumers: readonly AuditedDatabase[],
): Promise<{ readonly report: AuditReport; readonly exit: ExitCode }> {
  const { flags } = call
  checkFlags(flags)
  const missing = createMissing()
  const found = await auditConservation({
    ...{ producer, consumers, onMissing: missing.add },
    ...{ from: timeIn(flags, 'from'), to: timeIn(flags, 'to') },
    ...{ only: listIn(flags, 'consumer'), types: listIn(flags, 'types') },
    settleMs: (number(flags, 'settle') ?? 60) * 1000,
  })
  const queued = await lookAtQueues(call, found)
  if (flags['replay'] !== true) return { report: { ...found, queued, replay: null }, exit: exitOf(found) }
  const replay: Replay = { missing: missing.size, written: null }
  if (flags['yes'] !== true) return { report: { ...found, queued, replay }, exit: exitOf(found) }
  const [by, reason, expect] = [actorOf(flags), text(flags, 'reason'), number(flags, 'expect')]
  const written = await writeMissing({ producer, missing, by, reason, expect })
  const rest = found.consumers.every(({ unexpected }) => unexpected.count === 0) ? EXIT.ok : EXIT.gaps
  return {
    report: { ...found, queued, replay: { ...replay, written } },
    exit: missing.size === 0 ? exitOf(found) : rest,
  }
}

function checkFlags(flags: Flags): void {
  if (flags['replay'] === true) return
  const lost = ['yes', 'expect'].find((name) => flags[name] !== undefined)
  if (lost !== undefined) throw usage(`--${lost} says nothing without --replay.`)
}

function exitOf({ consumers }: ConservationReport): ExitCode {
  if (consumers.some(({ missing, unexpected }) => missing.count + unexpected.count > 0)) return EXIT.gaps
  return consumers.length === 0 ? EXIT.attention : EXIT.ok
}

/** How many messages wait in each queue of those that miss some; null where nobody can be asked. */
async function lookAtQueues(
  { config }: CommandCall,
  { consumers }: ConservationReport,
): Promise<Readonly<Record<string, number>> | null> {
  const queues = consumers.filter(({ missing }) => missing.count > 0).flatMap((one) => one.queues)
  if (queues.length === 0 || config.values.WAYBILL_AMQP_URL === null) return null
  const broker = await lookAtBroker(config, { exchanges: [], queues })
  return Object.fromEntries(broker.queues.map(({ name, messages }) => [name, messages]))
}

function timeIn(flags: Flags, name: 'from' | 'to'): Date | undefined {
  const given = text(flags, name)
  return given === undefined ? undefined : time(name, given)
}

function listIn(flags: Flags, name: 'consumer' | 'types'): string[] | undefined {
  return text(flags, name)
    ?.split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '')
}
