import type { Command } from './command.ts'
import type { ExitCode } from './exit-codes.ts'
import { change, CHANGE_HELP, CHANGE_OPTIONS, restore } from './operators/change-letters.ts'
import { FILTER_HELP, FILTER_OPTIONS } from './operators/filter-flags.ts'
import { exportAll, groups, list, show, type LetterCall } from './operators/look-at-letters.ts'
import {
  actionOf,
  OPERATOR_HELP,
  OPERATOR_OPTIONS,
  PAGE_HELP,
  PAGE_OPTIONS,
  withOperations,
} from './operators/with-operations.ts'

const ACTIONS: Readonly<Record<string, (call: LetterCall) => Promise<ExitCode>>> = {
  list,
  groups,
  show,
  replay: change('replay'),
  discard: change('discard'),
  restore,
  export: exportAll,
}

/** `waybill dead-letters` */
export const deadLettersCommand: Command = {
  name: 'dead-letters',
  summary: 'Shows and repairs messages that could not be handled or published.',
  words: `<${Object.keys(ACTIONS).join('|')}> [id …]`,
  options: {
    ...OPERATOR_OPTIONS,
    ...FILTER_OPTIONS,
    ...CHANGE_OPTIONS,
    ...PAGE_OPTIONS,
    payload: { type: 'boolean' },
  },
  optionHelp: [
    ...FILTER_HELP,
    ...PAGE_HELP,
    ['--payload', 'Shows what the message says.'],
    ...CHANGE_HELP,
    ...OPERATOR_HELP,
  ],
  notes:
    'Works on the database, no relay needed. replay and discard take one id, which is done at once, or several ids or a\n' +
    'filter, of which --yes makes more than a count. Every change is audited. Exit code 0: done. 5: nothing was done\n' +
    'without --yes, or not all of it went well. 6: not found, changed meanwhile, or a confirmation is missing.',
  use: () => 'database',
  run(call) {
    const { action, rest } = actionOf(call, ACTIONS)
    return withOperations(call, (operations) => action({ ...call, operations, rest }))
  },
}
