import type { Command } from './command.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { pause, pausedText, resume, type ServiceCall } from './operators/pausing.ts'
import { json, table } from './operators/table.ts'
import { actionOf, OPERATOR_HELP, OPERATOR_OPTIONS, withOperations } from './operators/with-operations.ts'

const ACTIONS: Readonly<Record<string, (call: ServiceCall) => Promise<ExitCode>>> = {
  list,
  pause: pause('relay'),
  resume: resume('relay'),
}

/** `waybill relays` */
export const relaysCommand: Command = {
  name: 'relays',
  summary: 'Lists, pauses and resumes relays.',
  words: `<${Object.keys(ACTIONS).join('|')}> [host]`,
  options: OPERATOR_OPTIONS,
  optionHelp: OPERATOR_HELP,
  notes:
    'Relays are paused by their host, or all by "*". A pause takes effect within two seconds and lasts until it is\n' +
    'resumed, whatever is restarted meanwhile; other relays take the lanes over.',
  use: () => 'database',
  run(call) {
    const { action, rest } = actionOf(call, ACTIONS)
    return withOperations(call, (operations) => action({ ...call, operations, rest }))
  },
}

async function list({ operations, flags, io }: ServiceCall): Promise<ExitCode> {
  const relays = await operations.services.relays()
  const rows = relays.map((one) => [
    ...[one.host, one.relayId, one.live ? 'live' : 'expired', one.lanes.join(',')],
    pausedText(one.pause),
  ])
  io.stdout(
    flags['json'] === true ? json(relays) : table(['HOST', 'RELAY', 'LEASE', 'LANES', 'PAUSED'], rows),
  )
  return EXIT.ok
}
