import { readFileSync } from 'node:fs'
import { adminProblems } from './config/admin-relations.ts'
import { repeatedDatabases, urlsIn } from './config/databases.ts'
import { configurationError, type ConfigProblem } from './config/problem.ts'
import { relationProblems } from './config/relay-options.ts'
import { growingRedact, showSecret, type Redact } from './config/secrets.ts'
import { readOpenTelemetry, type OpenTelemetrySettings } from './config/open-telemetry.ts'
import { isServiceLink, nearestName } from './config/unknown-names.ts'
import type { NeededBy, Variable } from './config/variable.ts'
import { VARIABLES, type VariableName, type VariableValues } from './config/variables.ts'

/** Variables by name; what is not set is absent. */
export type Environment = Readonly<Record<string, string | undefined>>

export interface ConfigSource {
  /** @defaultValue the environment of the process */
  readonly env?: Environment
  /** Given on the command line: these win, over a file too. */
  readonly over?: Environment
  /** Reads the file that a `_FILE` variable names. */
  readonly readFile?: (path: string) => string
}

/** What the values are read for: the relay needs all, other commands the database at most. */
export type ConfigUse = 'relay' | 'database' | 'nothing'

export interface Config {
  /** Every value, checked. Those that the command needs are not null. */
  readonly values: VariableValues
  readonly redact: Redact
  /**
   * WAYBILL_AMQP_URL; where it comes from a file, as the file says now, since passwords change.
   * @throws WaybillError WAYBILL_CONFIGURATION_INVALID
   */
  readonly amqpUrl: () => string
  /** Null when the standard variables of OpenTelemetry do not ask for traces. */
  readonly openTelemetry: OpenTelemetrySettings | null
}

const PREFIX = 'WAYBILL_'
const FILE_SUFFIX = '_FILE'
const NAMES = Object.keys(VARIABLES) as VariableName[]
const SECRET_FILES: readonly string[] = NAMES.filter((name) => VARIABLES[name].secret).map(
  (name) => name + FILE_SUFFIX,
)

/** Names that may be set. */
export const KNOWN_NAMES: readonly string[] = [...NAMES, ...SECRET_FILES]

/**
 * Reads and checks the whole environment, whatever the command needs of it. An empty variable counts as not set.
 * @throws WaybillError WAYBILL_CONFIGURATION_INVALID with every problem, not only the first.
 */
export function readConfig(use: ConfigUse, source: ConfigSource = {}): Config {
  const env = withOver(source.env ?? process.env, source.over ?? {})
  const problems: ConfigProblem[] = unknownNames(env)
  const values: Partial<Record<VariableName, unknown>> = {}
  for (const name of NAMES) {
    const variable: Variable<unknown> = VARIABLES[name]
    const given = givenText({ name, variable }, { env, readFile: source.readFile ?? readText })
    if (typeof given === 'object' && given !== null) problems.push(given)
    else if (given === null) values[name] = variable.fallback
    else values[name] = parseInto(problems, { name, variable, text: given })
    if (given === null && isNeeded(variable.neededBy, use)) problems.push(missing(name, variable))
  }
  const checked = values as unknown as VariableValues
  if (problems.length === 0)
    problems.push(...relationProblems(checked), ...repeatedDatabases(checked), ...adminProblems(checked))
  if (problems.length > 0) throw configurationError(problems)
  const secrets = [checked.WAYBILL_DATABASE_URL, checked.WAYBILL_AMQP_URL, checked.WAYBILL_MANAGEMENT_URL]
  const { redact, hide } = growingRedact(secrets.flatMap(urlsIn))
  const amqpUrl = (): string => {
    const url = readAgain('WAYBILL_AMQP_URL', { env, readFile: source.readFile ?? readText })
    hide(url)
    return url
  }
  return { values: checked, redact, amqpUrl, openTelemetry: readOpenTelemetry(env) }
}

/** A variable that was found good once, read anew. */
function readAgain(name: 'WAYBILL_AMQP_URL', source: Required<Omit<ConfigSource, 'over'>>): string {
  const variable = VARIABLES[name]
  const given = givenText({ name, variable }, source)
  if (given === null) return ''
  if (typeof given !== 'string') throw configurationError([given])
  const problems: ConfigProblem[] = []
  parseInto(problems, { name, variable, text: given })
  if (problems.length > 0) throw configurationError(problems)
  return given
}

function withOver(env: Environment, over: Environment): Environment {
  const given = Object.entries(over).filter(([, value]) => value !== undefined)
  const files = given.map(([name]) => [name + FILE_SUFFIX, undefined] as const)
  return { ...env, ...Object.fromEntries(given), ...Object.fromEntries(files) }
}

function readText(path: string): string {
  return readFileSync(path, 'utf8')
}

function isNeeded(neededBy: NeededBy, use: ConfigUse): boolean {
  return (neededBy === 'database' && use !== 'nothing') || (neededBy === 'relay' && use === 'relay')
}

interface Named {
  readonly name: VariableName
  readonly variable: Variable<unknown>
}

/** The text of a variable, from the environment or from its file; null when it is not set. */
function givenText(
  { name, variable }: Named,
  source: Required<Omit<ConfigSource, 'over'>>,
): string | null | ConfigProblem {
  const own = trimmed(source.env[name])
  const fileName = name + FILE_SUFFIX
  const path = variable.secret ? trimmed(source.env[fileName]) : null
  if (path === null) return own
  const problem = { variable: fileName, value: path, wanted: null }
  if (own !== null) {
    return { ...problem, problem: `and ${name} are both set`, remedy: 'Keep one of them.' }
  }
  try {
    const text = trimmed(source.readFile(path))
    return (
      text ?? {
        ...problem,
        problem: 'names a file that is empty',
        remedy: `Write the value of ${name} into it.`,
      }
    )
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
    return {
      ...problem,
      problem: `names a file that cannot be read (${code})`,
      remedy: 'Check its path and its rights.',
    }
  }
}

function trimmed(text: string | undefined): string | null {
  const value = text?.trim()
  return value === undefined || value === '' ? null : value
}

function parseInto(
  problems: ConfigProblem[],
  { name, variable, text }: Named & { readonly text: string },
): unknown {
  const parsed = variable.parser.parse(text)
  if (parsed.kind === 'value') return parsed.value
  problems.push({
    variable: name,
    value: variable.secret ? showSecret(text) : text,
    problem: parsed.problem,
    wanted: variable.parser.wanted,
    remedy: parsed.remedy ?? fallbackRemedy(name, variable),
  })
  return undefined
}

function fallbackRemedy(name: VariableName, variable: Variable<unknown>): string {
  if (variable.fallback === null) return `Correct ${name}.`
  return `Correct it, or leave ${name} out to get ${showValue(variable.fallback)}.`
}

/** A value as it would be written into the environment. */
export function showValue(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value)
  const { host, port } = value as { readonly host: string; readonly port: number }
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

function missing(name: VariableName, variable: Variable<unknown>): ConfigProblem {
  const orFile = variable.secret ? ` or ${name}${FILE_SUFFIX}` : ''
  const remedy = `Set ${name}${orFile}.`
  return { variable: name, value: null, problem: 'is not set', wanted: variable.parser.wanted, remedy }
}

function unknownNames(env: Environment): ConfigProblem[] {
  const unknown = Object.keys(env).filter(
    (name) =>
      env[name] !== undefined &&
      name.startsWith(PREFIX) &&
      !KNOWN_NAMES.includes(name) &&
      !isServiceLink(name),
  )
  return unknown.map((variable) => {
    const nearest = nearestName(variable, KNOWN_NAMES)
    const remedy =
      nearest === undefined
        ? 'Remove it; `waybill relay --help` lists all variables.'
        : `Did you mean ${nearest}? \`waybill relay --help\` lists all variables.`
    return { variable, value: null, problem: 'is not a variable of Waybill', wanted: null, remedy }
  })
}
