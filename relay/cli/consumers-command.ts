import type { RenamePreview, Total } from '../../src/ports.ts'
import type { Command } from './command.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { pause, pausedText, resume, type ServiceCall } from './operators/pausing.ts'
import { json, table } from './operators/table.ts'
import {
  actionOf,
  actorOf,
  OPERATOR_HELP,
  OPERATOR_OPTIONS,
  usage,
  withOperations,
} from './operators/with-operations.ts'

const ACTIONS: Readonly<Record<string, (call: ServiceCall) => Promise<ExitCode>>> = {
  list,
  pause: pause('consumer'),
  resume: resume('consumer'),
  rename,
}

/** `waybill consumers` */
export const consumersCommand: Command = {
  name: 'consumers',
  summary: 'Lists, pauses, resumes and renames consumers.',
  words: `<${Object.keys(ACTIONS).join('|')}> [name] [new name]`,
  options: { ...OPERATOR_OPTIONS, yes: { type: 'boolean' } },
  optionHelp: [
    ['--yes', 'Renames, or pauses a name that is not known yet; without, it is only told what that means.'],
    ...OPERATOR_HELP,
  ],
  notes:
    'A pause takes effect within two seconds and lasts until it is resumed, whatever is restarted meanwhile. To rename,\n' +
    'stop all instances, and then start them with the new name; give it the name of its queue by the option `queue`.',
  use: () => 'database',
  run(call) {
    const { action, rest } = actionOf(call, ACTIONS)
    const isPatient = action === rename
    return withOperations(call, (operations) => action({ ...call, operations, rest }), isPatient)
  },
}

async function list({ operations, flags, io }: ServiceCall): Promise<ExitCode> {
  const consumers = await operations.services.consumers()
  const rows = consumers.map((one) => [
    ...[one.name, one.queue ?? '', String(one.instances.length)],
    ...[one.retry, one.waiting, one.dead].map(shown),
    pausedText(one.pause),
  ])
  const headings = ['CONSUMER', 'QUEUE', 'INSTANCES', 'RETRY', 'WAITING', 'DEAD', 'PAUSED']
  io.stdout(flags['json'] === true ? json(consumers) : table(headings, rows))
  return EXIT.ok
}

function shown({ count, isExact }: Total): string {
  return `${isExact ? '' : '>'}${count}`
}

async function rename({ operations, flags, rest, io }: ServiceCall): Promise<ExitCode> {
  const [from, to, ...others] = rest
  if (from === undefined || to === undefined || others.length > 0)
    throw usage('Two names are wanted: the present one and the new one.')
  if (flags['yes'] !== true) {
    const preview = await operations.services.previewRename(from, to)
    io.stdout(flags['json'] === true ? json({ dryRun: true, ...preview }) : previewText(preview))
    return EXIT.attention
  }
  await operations.services.rename(from, to, { by: actorOf(flags) })
  io.stdout(
    flags['json'] === true
      ? json({ from, to })
      : `"${from}" is "${to}" now. Start its instances with \`name: '${to}'\` and the queue that they had.\n`,
  )
  return EXIT.ok
}

function previewText({ from, to, retry, waiting, dead, pause }: RenamePreview): string {
  const paused = pause === null ? '' : ' It stays paused.'
  return (
    `It would give all that is kept of "${from}" the name "${to}": what its inbox remembers, and ` +
    `${shown(retry)} to be tried again, ${shown(waiting)} waiting, ${shown(dead)} dead.${paused}\n` +
    'Nothing was done: add --yes.\n'
  )
}
