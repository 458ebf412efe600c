import { WaybillError } from '../../src/index.ts'
import type { Role } from '../compose.ts'
import type { Severity } from '../doctor/check.ts'
import { examine, type Examined } from '../doctor/examine.ts'
import type { Command, CommandCall, Flags } from './command.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'

/** What `waybill doctor --json` prints; fields are only ever added. */
export interface DoctorReport {
  readonly worst: Severity
  readonly examined: readonly Examined[]
}

/** `waybill doctor` */
export const doctorCommand: Command = {
  name: 'doctor',
  summary: 'Looks for what is set up in a way that costs speed, alarms or messages.',
  options: {
    json: { type: 'boolean' },
    all: { type: 'boolean' },
    as: { type: 'string' },
    exchange: { type: 'string' },
    queue: { type: 'string' },
  },
  optionHelp: [
    ['--json', 'Prints one JSON object, what is well included.'],
    ['--all', 'Prints what is well too.'],
    ['--as <role>', 'The rights to check: relay, writer, consumer or operator. Default: relay.'],
    ['--exchange <names>', 'Exchanges to look at beside those of waiting messages, separated by commas.'],
    ['--queue <names>', 'Queues to look at beside those of consumers in the inbox.'],
  ],
  notes:
    'Changes nothing. Needs WAYBILL_DATABASE_URL; looks at the broker when WAYBILL_AMQP_URL is set, and deeper with\n' +
    'WAYBILL_MANAGEMENT_URL. Exit code 0: all is well. 5: warnings. 1: errors. docs/doctor.md lists every finding.',
  use: () => 'database',
  async run({ flags, config, io }: CommandCall): Promise<ExitCode> {
    const examined = await examine(config, {
      role: roleOf(flags),
      exchanges: listOf(flags, 'exchange'),
      queues: listOf(flags, 'queue'),
    })
    const report: DoctorReport = { worst: worstOf(examined), examined }
    const text =
      flags['json'] === true
        ? `${JSON.stringify(report, null, 2)}\n`
        : describe(report, flags['all'] === true)
    io.stdout(config.redact(text))
    return EXIT_BY_WORST[report.worst]
  },
}

const EXIT_BY_WORST: Readonly<Record<Severity, ExitCode>> = {
  ok: EXIT.ok,
  unchecked: EXIT.ok,
  warning: EXIT.attention,
  error: EXIT.failed,
}

const SEVERITIES: readonly Severity[] = ['ok', 'unchecked', 'warning', 'error']

function worstOf(examined: readonly Examined[]): Severity {
  const ranks = examined.flatMap(({ findings }) =>
    findings.map(({ severity }) => SEVERITIES.indexOf(severity)),
  )
  return SEVERITIES[Math.max(0, ...ranks)] ?? 'ok'
}

const ROLES: readonly Role[] = ['relay', 'writer', 'consumer', 'operator']

function roleOf(flags: Flags): Role {
  const given = flags['as'] ?? 'relay'
  const role = ROLES.find((candidate) => candidate === given)
  if (role !== undefined) return role
  throw new WaybillError('WAYBILL_CONFIGURATION_INVALID', {
    problem: `--as ${String(given)} is not a role.`,
    wanted: `There are: ${ROLES.join(', ')}.`,
  })
}

function listOf(flags: Flags, name: string): string[] {
  const value = flags[name]
  return typeof value === 'string' ? value.split(',').filter((item) => item !== '') : []
}

const LABELS: Readonly<Record<Severity, string>> = {
  ok: 'ok',
  unchecked: 'not checked',
  warning: 'WARNING',
  error: 'ERROR',
}

function describe({ examined }: DoctorReport, all: boolean): string {
  const codes = examined.flatMap(({ findings }) => findings.map(({ code }) => code.length))
  const width = Math.max(...codes)
  return examined.map((one) => section(one, { all, width })).join('\n')
}

function section({ subject, findings }: Examined, { all, width }: { all: boolean; width: number }): string {
  const shown = findings.filter(({ severity }) => all || severity !== 'ok')
  const indent = ' '.repeat(13 + width + 2)
  const lines = shown.map(({ code, severity, seen, wanted, remedy }) => {
    const first = `${LABELS[severity].padEnd(13)}${code.padEnd(width)}  ${seen}`
    const bad = severity === 'warning' || severity === 'error'
    return bad ? `${first}\n${indent}Wanted: ${wanted}\n${indent}Do: ${remedy}` : first
  })
  const well = findings.filter(({ severity }) => severity === 'ok').length
  return `${subject}: ${well} of ${findings.length} well\n${lines.map((line) => `  ${line}\n`).join('')}`
}
