import { WaybillError } from '../../src/index.ts'
import { databasesOf, grants, migrateDatabase, migrationSql, type MigrationReport } from '../compose.ts'
import type { Command, CommandCall, Flags } from './command.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'

/** `waybill migrate` */
export const migrateCommand: Command = {
  name: 'migrate',
  summary: 'Creates the schema, or brings it up to this release.',
  options: {
    'dry-run': { type: 'boolean' },
    sql: { type: 'boolean' },
    from: { type: 'string' },
    'writer-role': { type: 'string' },
    'relay-role': { type: 'string' },
    'consumer-role': { type: 'string' },
    'operator-role': { type: 'string' },
  },
  optionHelp: [
    ['--dry-run', 'Tells what would be done, and does nothing.'],
    ['--sql', 'Prints the statements for you to run; needs no database.'],
    ['--from <version>', 'With --sql: begins after this schema version.'],
    ['--writer-role <role>', 'Prints the grants for services that write messages.'],
    ['--relay-role <role>', 'Prints the grants for the relay.'],
    ['--consumer-role <role>', 'Prints the grants for services that handle messages.'],
    ['--operator-role <role>', 'Prints the grants for the admin API, and for who repairs what got stuck.'],
  ],
  notes:
    'Each step is one transaction, and several processes may run it at once. Needs WAYBILL_DATABASE_URL, with a role\n' +
    'that may create the schema. Grants are printed and not run: run them as the owner of the schema.',
  use: (flags) => (flags['sql'] === true ? 'nothing' : 'database'),
  async run({ flags, config, io }: CommandCall): Promise<ExitCode> {
    const schema = config.values.WAYBILL_SCHEMA
    const from = startingVersion(flags)
    if (flags['sql'] === true) {
      io.stdout(migrationSql({ schema, from }) + roleGrants(flags, schema))
      return EXIT.ok
    }
    const dryRun = flags['dry-run'] === true
    const targets = databasesOf(config.values)
    for (const target of targets) io.stdout(describe(await migrateDatabase(target, { config, dryRun })))
    const rights = [...new Set(targets.map((target) => roleGrants(flags, target.schema)))].join('')
    io.stdout(rights === '' ? GRANTS_HINT : rights)
    return EXIT.ok
  },
}

const GRANTS_HINT =
  'Roles other than the owner need rights: name them with --writer-role, --relay-role, --consumer-role,\n--operator-role.\n'

function text(flags: Flags, name: string): string | undefined {
  const value = flags[name]
  return typeof value === 'string' ? value : undefined
}

function startingVersion(flags: Flags): number {
  const from = text(flags, 'from')
  if (from === undefined) return 0
  if (flags['sql'] !== true)
    throw badFlag('--from goes with --sql only: without it the database knows its version.')
  if (!/^\d{1,6}$/.test(from)) throw badFlag(`--from ${from} is not a schema version, such as 2.`)
  return Number(from)
}

function badFlag(problem: string): WaybillError {
  return new WaybillError('WAYBILL_CONFIGURATION_INVALID', {
    problem,
    remedy: 'See `waybill migrate --help`.',
  })
}

function roleGrants(flags: Flags, schema: string): string {
  const roles = (['writer', 'relay', 'consumer', 'operator'] as const).flatMap((role) => {
    const name = text(flags, `${role}-role`)
    return name === undefined ? [] : [[role, name] as const]
  })
  const statements = grants({ schema, ...Object.fromEntries(roles) })
  if (statements.length === 0) return ''
  return `\n-- Rights, to be given by the owner of the schema.\n${statements.map((statement) => `${statement};\n`).join('')}`
}

function describe({ schema, from, to, applied, dryRun }: MigrationReport): string {
  const where = `Schema "${schema}"`
  if (applied.length === 0)
    return `${where} is at version ${to}; nothing ${dryRun ? 'would be' : 'was'} done.\n`
  const steps = applied.map(({ version, name }) => `  ${version} ${name}\n`).join('')
  return `${where} ${dryRun ? 'would go' : 'went'} from version ${from} to ${to}:\n${steps}`
}
