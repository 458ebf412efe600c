import { parseArgs } from 'node:util'
import { isWaybillError, WaybillError } from '../../src/index.ts'
import { readConfig, type Environment } from '../config.ts'
import { nearestName } from '../config/unknown-names.ts'
import { hideUrlPasswords, type Redact } from '../config/secrets.ts'
import { sentenceOf } from '../logging/describe-error.ts'
import type { Command, CommandIo, Flags } from './command.ts'
import { EXIT, exitCodeOf, type ExitCode } from './exit-codes.ts'
import { commandHelp, generalHelp, packageVersion } from './help.ts'

/** Runs one command line. Never rejects: what goes wrong is said on stderr, and the exit code tells its kind. */
export async function runCli(
  args: readonly string[],
  commands: readonly Command[],
  io: CommandIo,
): Promise<ExitCode> {
  const [name, ...rest] = args
  try {
    if (name === undefined || name === '-h' || name === '--help' || name === 'help') {
      const asked = name !== undefined
      const print = asked ? io.stdout : io.stderr
      print(
        name === 'help' && rest[0] !== undefined
          ? commandHelp(find(rest[0], commands))
          : generalHelp(commands),
      )
      return asked ? EXIT.ok : EXIT.usage
    }
    if (name === '-V' || name === '--version') {
      io.stdout(`${packageVersion()}\n`)
      return EXIT.ok
    }
    return await runCommand(find(name, commands), rest, io)
  } catch (error) {
    return complain(error, { io, redact: hideUrlPasswords })
  }
}

function find(name: string, commands: readonly Command[]): Command {
  const command = commands.find((candidate) => candidate.name === name)
  if (command) return command
  const names = commands.map((candidate) => candidate.name)
  const nearest = nearestName(name, names)
  throw new WaybillError('WAYBILL_CONFIGURATION_INVALID', {
    problem: `"${name}" is not a command.`,
    wanted: `There are: ${names.join(', ')}.`,
    remedy: nearest === undefined ? 'See `waybill --help`.' : `Did you mean \`waybill ${nearest}\`?`,
  })
}

async function runCommand(command: Command, args: readonly string[], io: CommandIo): Promise<ExitCode> {
  const { flags, words } = parseFlags(command, args)
  if (flags['help'] === true) {
    io.stdout(commandHelp(command))
    return EXIT.ok
  }
  const config = readConfig(command.use(flags), {
    over: variablesFrom(flags),
    ...(io.env && { env: io.env }),
  })
  try {
    return await command.run({ flags, words, config, io })
  } catch (error) {
    return complain(error, { io, redact: config.redact })
  }
}

/** Options of every command that stand for a variable. */
const SETTINGS = {
  'database-url': { type: 'string' },
  'amqp-url': { type: 'string' },
  schema: { type: 'string' },
} as const

function variablesFrom(flags: Flags): Environment {
  const text = (name: keyof typeof SETTINGS | 'consumer-database-url'): string | undefined => {
    const value = flags[name]
    if (typeof value !== 'string') return undefined
    if (value.trim() !== '') return value
    throw new WaybillError('WAYBILL_CONFIGURATION_INVALID', {
      problem: `--${name} is empty.`,
      remedy: 'Give it a value or leave it out.',
    })
  }
  return {
    WAYBILL_DATABASE_URL: text('database-url'),
    WAYBILL_CONSUMER_DATABASE_URL: text('consumer-database-url'),
    WAYBILL_AMQP_URL: text('amqp-url'),
    WAYBILL_SCHEMA: text('schema'),
  }
}

function parseFlags(command: Command, args: readonly string[]): { flags: Flags; words: readonly string[] } {
  try {
    const options = { ...command.options, ...SETTINGS, help: { type: 'boolean', short: 'h' } } as const
    const allowPositionals = command.words !== undefined
    const { values, positionals } = parseArgs({ args: [...args], options, strict: true, allowPositionals })
    return { flags: values, words: positionals }
  } catch (cause) {
    throw new WaybillError('WAYBILL_CONFIGURATION_INVALID', {
      problem: `${sentenceOf(cause).split('. ', 1).join().replace(/\.$/, '')}.`,
      remedy: `See \`waybill ${command.name} --help\`.`,
      cause,
    })
  }
}

interface Complaint {
  readonly io: CommandIo
  readonly redact: Redact
}

/** A sentence for what was foreseen; of anything else the stack too, since it is a fault to be reported. */
function complain(error: unknown, { io, redact }: Complaint): ExitCode {
  io.stderr(`waybill: ${redact(isWaybillError(error) ? error.message : unforeseen(error))}\n`)
  return exitCodeOf(error)
}

function unforeseen(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  // Drivers and the system name their errors by a code; then the sentence is enough.
  const named = 'code' in error && typeof error.code === 'string'
  return named ? `${sentenceOf(error)} (${String(error.code)})` : (error.stack ?? sentenceOf(error))
}
