import { hostname, userInfo } from 'node:os'
import { WaybillError } from '../../../src/index.ts'
import {
  createOperations,
  type Actor,
  type DeadLetterOperations,
  type PageRequest,
} from '../../../src/ports.ts'
import { databasesOf, withDatabase, type DatabaseTarget } from '../../compose.ts'
import type { Config } from '../../config.ts'
import type { CommandCall, Flags } from '../command.ts'

/** Runs `work` with what operators can do in the one database that is configured; patiently where much is to be moved. */
export function withOperations<Result>(
  { config }: CommandCall,
  work: (operations: DeadLetterOperations) => Promise<Result>,
  isPatient = false,
): Promise<Result> {
  return withDatabase(
    onlyTarget(config),
    { config, applicationName: 'waybill operator', isPatient },
    ({ database }) => work(createOperations({ database })),
  )
}

/** @throws WaybillError when several outboxes are configured */
export function onlyTarget({ values }: Config): DatabaseTarget {
  const [target, ...others] = databasesOf(values)
  if (target !== undefined && others.length === 0) return target
  throw usage(
    'Several outboxes are configured.',
    'Name the one that is meant with --database-url and --schema.',
  )
}

export const OPERATOR_OPTIONS = {
  json: { type: 'boolean' },
  by: { type: 'string' },
  reason: { type: 'string' },
} as const

export const PAGE_OPTIONS = { cursor: { type: 'string' }, limit: { type: 'string' } } as const

export const PAGE_HELP: readonly (readonly [string, string])[] = [
  ['--limit <number>, --cursor <text>', 'How many are listed, and after which.'],
]

export function pageOf(flags: Flags): PageRequest {
  const [cursor, limit] = [text(flags, 'cursor'), number(flags, 'limit')]
  return { ...(cursor !== undefined && { cursor }), ...(limit !== undefined && { limit }) }
}

export const OPERATOR_HELP: readonly (readonly [string, string])[] = [
  ['--json', 'Prints JSON.'],
  ['--by <name>', 'Who does it, for the audit events. Default: the user and host of this process.'],
  ['--reason <text>', 'Why; needed to discard and to pause.'],
]

/** Who types. The database's own rights decide what may be done. */
export function actorOf(flags: Flags): Actor {
  const name = text(flags, 'by') ?? `${userName()}@${hostname()}`
  return { name, via: 'cli' }
}

/** A process in a container may have no user of a name. */
function userName(): string {
  try {
    return userInfo().username
  } catch {
    return 'unknown'
  }
}

export function text(flags: Flags, name: string): string | undefined {
  const value = flags[name]
  return typeof value === 'string' ? value : undefined
}

export function number(flags: Flags, name: string): number | undefined {
  const given = text(flags, name)
  if (given === undefined) return undefined
  const value = Number(given)
  if (given.trim() !== '' && Number.isFinite(value)) return value
  throw usage(`--${name} ${given} is not a number.`)
}

/** @throws WaybillError when it is not said why. */
export function neededReason(flags: Flags): string {
  const reason = text(flags, 'reason') ?? ''
  if (reason.trim() !== '') return reason
  throw usage('It is not said why.', "Add --reason '…' for those who look into it later.")
}

export function usage(problem: string, remedy = 'See --help.'): WaybillError {
  return new WaybillError('WAYBILL_CONFIGURATION_INVALID', { problem, remedy })
}

/** Runs the action that the first word names. */
export function actionOf<Action>(
  { words }: CommandCall,
  actions: Readonly<Record<string, Action>>,
): { readonly action: Action; readonly rest: readonly string[] } {
  const [name, ...rest] = words
  const action = name === undefined || !Object.hasOwn(actions, name) ? undefined : actions[name]
  if (action !== undefined) return { action, rest }
  const problem = name === undefined ? 'It is not said what to do.' : `"${name}" is not known here.`
  throw usage(`${problem} There are: ${Object.keys(actions).join(', ')}.`)
}
