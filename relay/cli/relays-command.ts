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
  options: { ...OPERATOR_OPTIONS, yes: { type: 'boolean' } },
  optionHelp: [['--yes', 'Pauses a host that is not known yet.'], ...OPERATOR_HELP],
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
  if (flags['json'] === true) {
    io.stdout(json(relays))
    return EXIT.ok
  }
  const rows = relays.map((one) => [
    ...[one.host, one.relayId, one.live ? 'live' : 'expired', lanesText(one.lanes)],
    pausedText(one.pause),
  ])
  // A pause holds for relays that are yet to come, too.
  const { paused } = await operations.services.stats()
  const others = paused.filter(
    ({ kind, name }) => kind === 'relay' && !relays.some(({ host }) => host === name),
  )
  const rest = others.map((pause) => [pause.name, '', '', '', pausedText(pause)])
  io.stdout(table(['HOST', 'RELAY', 'LEASE', 'LANES', 'PAUSED'], [...rows, ...rest]))
  return EXIT.ok
}

/** Such as 0-7,9. */
function lanesText(lanes: readonly number[]): string {
  const runs: [number, number][] = []
  for (const lane of lanes) {
    const last = runs.at(-1)
    if (last?.[1] === lane - 1) last[1] = lane
    else runs.push([lane, lane])
  }
  return runs.map(([first, last]) => (first === last ? String(first) : `${first}-${last}`)).join(',')
}
