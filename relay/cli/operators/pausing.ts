import type { DeadLetterOperations, PauseView } from '../../../src/ports.ts'
import type { CommandCall } from '../command.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { json } from './table.ts'
import { actorOf, text, usage } from './with-operations.ts'

/** What an action of `waybill consumers` or `waybill relays` gets. */
export interface ServiceCall extends CommandCall {
  readonly operations: DeadLetterOperations
  readonly rest: readonly string[]
}

export function pause(kind: PauseView['kind']): (call: ServiceCall) => Promise<ExitCode> {
  return async (call) => {
    const { operations, flags, io } = call
    const intent = { by: actorOf(flags), reason: text(flags, 'reason') ?? '' }
    const paused = await operations.services.pause(kind, onlyName(call), intent)
    io.stdout(
      flags['json'] === true ? json(paused) : `${kind} ${paused.name} is paused until it is resumed.\n`,
    )
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

function onlyName({ rest }: ServiceCall): string {
  const [name, ...others] = rest
  if (name !== undefined && others.length === 0) return name
  throw usage('Exactly one name is wanted.')
}

export function pausedText(paused: PauseView | null): string {
  return paused === null ? '' : `by ${paused.pausedBy}: ${paused.reason}`
}
