import { createRequire } from 'node:module'
import { showValue } from '../config.ts'
import type { Variable } from '../config/variable.ts'
import { VARIABLES } from '../config/variables.ts'
import type { Command } from './command.ts'

/** By its own door, which is at the same place in the sources, in dist/ and in an installed package. */
export function packageVersion(): string {
  const manifest: unknown = createRequire(import.meta.url)('waybill/package.json')
  const known = typeof manifest === 'object' && manifest !== null && 'version' in manifest
  return known ? String(manifest.version) : 'unknown'
}

export function generalHelp(commands: readonly Command[]): string {
  return `Usage: waybill <command> [options]

Carries messages from the outbox in PostgreSQL to RabbitMQ.

Commands:
${table(commands.map(({ name, summary }) => [name, summary]))}

Options:
${table([
  ['-h, --help', 'Tells what a command does; `waybill <command> --help`.'],
  ['-V, --version', 'Prints the version.'],
])}

Configuration comes from environment variables; \`waybill relay --help\` lists them.
`
}

export function commandHelp({ name, summary, words, optionHelp, notes }: Command): string {
  return `Usage: waybill ${name}${words === undefined ? '' : ` ${words}`} [options]

${summary}

Options:
${table([
  ...optionHelp,
  ['--database-url <url>', 'Instead of WAYBILL_DATABASE_URL. Other users of the machine can see it.'],
  ['--amqp-url <url>', 'Instead of WAYBILL_AMQP_URL. The same holds.'],
  ['--schema <name>', 'Instead of WAYBILL_SCHEMA.'],
  ['-h, --help', 'Prints this.'],
])}

${notes}
`
}

/** The table of variables that also makes docs/configuration.md checkable. */
export function variablesHelp(): string {
  const entries = Object.entries(VARIABLES).map(([name, variable]) => variableHelp(name, variable))
  return `Environment variables:\n\n${entries.join('\n\n')}\n\nEach secret may also come from a file: set <NAME>_FILE to its path.`
}

function variableHelp(name: string, variable: Variable<unknown>): string {
  const { neededBy, fallback, meaning, parser, secret } = variable
  const needed = neededBy === 'relay' ? 'needed by waybill relay' : 'needed'
  const standing =
    neededBy !== 'nothing' ? needed : fallback === null ? 'optional' : `default ${showValue(fallback)}`
  return `  ${name} (${standing}${secret ? ', secret' : ''})\n    ${meaning}\n    Wanted: ${parser.wanted}.`
}

function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length))
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join('\n')
}
