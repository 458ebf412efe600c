import { WaybillError } from '../../../src/index.ts'
import type { DeadLetterOperations, Intent, PauseView } from '../../../src/ports.ts'
import type { CommandCall } from '../command.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { json } from './table.ts'
import { actorOf, neededReason, usage } from './with-operations.ts'

/** What an action of `waybill consumers` or `waybill relays` gets. */
export interface ServiceCall extends CommandCall {
  readonly operations: DeadLetterOperations
  readonly rest: readonly string[]
}

export function pause(kind: PauseView['kind']): (call: ServiceCall) => Promise<ExitCode> {
  return async (call) => {
    const { operations, flags, io } = call
    const name = onlyName(call)
    const intent = { by: actorOf(flags), reason: neededReason(flags) }
    if (flags['yes'] !== true) await checkKnown(kind, name, call)
    const paused = await operations.services.pause(kind, name, intent)
    io.stdout(flags['json'] === true ? json(paused) : `${pausedLine(paused, intent)}\n`)
    return EXIT.ok
  }
}

export function resume(kind: PauseView['kind']): (call: ServiceCall) => Promise<ExitCode> {
  return async (call) => {
    const { operations, flags, io } = call
    const name = onlyName(call)
    const wasPaused = await operations.services.resume(kind, name, { by: actorOf(flags) })
    io.stdout(
      flags['json'] === true
        ? json({ kind, name, wasPaused })
        : `${kind} ${name} ${wasPaused ? 'goes on' : 'was not paused'}.\n`,
    )
    return EXIT.ok
  }
}

/** A name with a slip in it would be paused, and the one that was meant would go on. */
async function checkKnown(
  kind: PauseView['kind'],
  name: string,
  { operations: { services } }: ServiceCall,
): Promise<void> {
  const names =
    kind === 'consumer'
      ? (await services.consumers()).map((one) => one.name)
      : ['*', ...(await services.relays()).map((one) => one.host)]
  if (names.includes(name)) return
  const known = [...new Set(names)].join(', ')
  throw new WaybillError('WAYBILL_NOT_FOUND', {
    problem: `No ${kind === 'consumer' ? 'consumer' : 'relay on host'} ${JSON.stringify(name)} is known. ${known === '' ? 'There is none yet.' : `There are: ${known}.`}`,
    remedy: 'Add --yes to pause it all the same, for when it is started.',
  })
}

/** The first pause stays as it is, whoever asks again. */
function pausedLine({ kind, name, pausedBy, pausedAt, reason }: PauseView, asked: Intent): string {
  if (pausedBy === asked.by.name && reason === asked.reason)
    return `${kind} ${name} is paused until it is resumed.`
  return `${kind} ${name} was paused already: by ${pausedBy} at ${pausedAt.toISOString()}: ${reason}`
}

function onlyName({ rest }: ServiceCall): string {
  const [name, ...others] = rest
  if (name !== undefined && others.length === 0) return name
  throw usage('Exactly one name is wanted.', 'See the list for the names that are known.')
}

export function pausedText(paused: PauseView | null): string {
  return paused === null ? '' : `by ${paused.pausedBy}: ${paused.reason}`
}
