import type { Command } from './command.ts'
import type { ExitCode } from './exit-codes.ts'
import { list, show, steer, type BulkCall } from './operators/bulk-operations.ts'
import {
  actionOf,
  OPERATOR_HELP,
  OPERATOR_OPTIONS,
  PAGE_HELP,
  PAGE_OPTIONS,
  withOperations,
} from './operators/with-operations.ts'

const ACTIONS: Readonly<Record<string, (call: BulkCall) => Promise<ExitCode>>> = {
  list,
  show,
  pause: steer('pause'),
  resume: steer('resume'),
  cancel: steer('cancel'),
}

/** `waybill bulk-operations` */
export const bulkOperationsCommand: Command = {
  name: 'bulk-operations',
  summary: 'Shows, pauses, resumes and cancels replays and discards of many.',
  words: `<${Object.keys(ACTIONS).join('|')}> [id]`,
  options: { ...OPERATOR_OPTIONS, ...PAGE_OPTIONS },
  optionHelp: [...PAGE_HELP, ...OPERATOR_HELP],
  notes:
    'They are begun by `waybill dead-letters` or by the admin API, and done by any relay. What was done before one was\n' +
    'paused or cancelled stays done; a cancelled one leaves the rest as it was.',
  use: () => 'database',
  run(call) {
    const { action, rest } = actionOf(call, ACTIONS)
    return withOperations(call, (operations) => action({ ...call, operations, rest }))
  },
}
