import type {
  BulkAction,
  BulkOperation,
  BulkRequest,
  BulkSelection,
  DeadLetter,
  Confirmation,
} from '../../../src/ports.ts'
import { systemClock } from '../../../src/ports.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { filterOf } from './filter-flags.ts'
import { describe } from './bulk-operations.ts'
import { onlyId, totalText, type LetterCall } from './look-at-letters.ts'
import { json, table } from './table.ts'
import { actorOf, neededReason, number, text, usage } from './with-operations.ts'

export const CHANGE_OPTIONS = {
  all: { type: 'boolean' },
  yes: { type: 'boolean' },
  detach: { type: 'boolean' },
  confirm: { type: 'string' },
  rate: { type: 'string' },
  canary: { type: 'string' },
  'stop-after': { type: 'string' },
  max: { type: 'string' },
} as const

export const CHANGE_HELP: readonly (readonly [string, string])[] = [
  ['--all', 'All dead letters, when no filter is given.'],
  ['--yes', 'Does it; without, more than one are only counted.'],
  ['--confirm <risks>', 'What is wanted all the same: uncertain, replays, order; separated by commas.'],
  ['--rate <number>', 'How many a second. Default: 50.'],
  ['--canary <number>', 'So many first; the rest when those were handled.'],
  ['--stop-after <number>', 'Pauses when so many have failed again. Default: 20.'],
  ['--max <number>', 'At most so many, those that failed first.'],
  ['--detach', 'Leaves it to the relays instead of waiting for its end.'],
]

/** One by its id at once; several, or what a filter finds, as a bulk operation. */
export function change(action: BulkAction): (call: LetterCall) => Promise<ExitCode> {
  return async (call) => {
    const { operations, flags, rest, io } = call
    if (action === 'discard') neededReason(flags)
    if (rest.length !== 1) return changeMany(action, call)
    if (filterOf(flags) !== null || flags['all'] === true) throw usage('An id and a filter were given.')
    const intent = { by: actorOf(flags), confirm: confirmOf(call), ...reasonOf(call) }
    const id = onlyId(call)
    const letter =
      action === 'replay'
        ? await operations.letters.replay(id, intent)
        : await operations.letters.discard(id, { ...intent, reason: intent.reason ?? '' })
    io.stdout(flags['json'] === true ? json(letter) : `${AFTER[action](letter)}\n`)
    return EXIT.ok
  }
}

const AFTER: Readonly<Record<BulkAction, (letter: DeadLetter) => string>> = {
  replay: ({ id, state }) =>
    state === 'waiting'
      ? `${id} waits for an earlier one of its key that is kept; it is tried once that is out of its way.`
      : `${id} is due. What comes of it: waybill dead-letters show ${id}`,
  discard: ({ id }) => `${id} is discarded. To take that back: waybill dead-letters restore ${id}`,
}

export async function restore(call: LetterCall): Promise<ExitCode> {
  const { operations, flags, io } = call
  const intent = { by: actorOf(flags), confirm: confirmOf(call), ...reasonOf(call) }
  const letter = await operations.letters.restore(onlyId(call), intent)
  io.stdout(flags['json'] === true ? json(letter) : `${letter.id} is a dead letter again.\n`)
  return EXIT.ok
}

async function changeMany(action: BulkAction, call: LetterCall): Promise<ExitCode> {
  const { operations, flags, io } = call
  const request = requestOf(action, call)
  const preview = await operations.bulk.preview(request)
  const { count, isExact } = preview.matched
  const found = totalText(preview.matched)
  if (flags['yes'] !== true) {
    if (flags['json'] === true) io.stdout(json({ dryRun: true, ...preview }))
    else {
      const rows = preview.byConsumer.map((one) => [one.consumer ?? '(outbox)', String(one.count)])
      io.stdout(table(['CONSUMER', 'COUNT'], rows))
      for (const [risk, risky] of Object.entries(preview.needConfirmation))
        io.stdout(`${risky} of them are passed over without --confirm ${risk}.\n`)
      io.stdout(`It would ${action} ${found}. Nothing was done: add --yes.\n`)
    }
    return EXIT.attention
  }
  const started = await operations.bulk.start({ ...request, ...(isExact && { expectedCount: count }) })
  const ended = flags['detach'] === true ? started : await workAt(started, call)
  io.stdout(flags['json'] === true ? json(ended) : describe(ended))
  const { done, matched, failedAgain } = ended.progress
  const isWell = flags['detach'] === true || (done === matched && failedAgain === 0)
  return isWell ? EXIT.ok : EXIT.attention
}

function requestOf(action: BulkAction, call: LetterCall): BulkRequest {
  const { flags } = call
  const numbers = (['rate', 'canary', 'max'] as const).flatMap((name) => {
    const value = number(flags, name)
    return value === undefined ? [] : [[name, value] as const]
  })
  const stopAfter = number(flags, 'stop-after')
  return {
    action,
    by: actorOf(flags),
    selection: selectionOf(call),
    confirm: confirmOf(call),
    ...reasonOf(call),
    ...Object.fromEntries(numbers),
    ...(stopAfter !== undefined && { stopAfter }),
  }
}

function selectionOf({ flags, rest }: LetterCall): BulkSelection {
  const filter = filterOf(flags)
  if (rest.length > 0) {
    if (filter !== null || flags['all'] === true) throw usage('Ids and a filter were given.')
    return { ids: rest }
  }
  if (filter === null && flags['all'] !== true)
    throw usage('It is not said which ones.', 'Give ids, a filter, or --all.')
  return { filter: filter ?? {} }
}

/** So long it is waited for what comes of replays, which nobody knows while their consumer is stopped. */
const WATCH_MS = 10_000

/** All relays may do the same meanwhile. */
async function workAt({ id }: BulkOperation, { operations, io }: LetterCall): Promise<BulkOperation> {
  let told = ''
  let watchedUntil: number | null = null
  for (;;) {
    const waitMs = await operations.bulk.work()
    const now = await operations.bulk.show(id)
    const isOver = now.state !== 'running' && now.state !== 'watching'
    if (isOver || (watchedUntil !== null && systemClock.monotonic() >= watchedUntil)) return now
    if (now.state === 'watching') watchedUntil ??= systemClock.monotonic() + WATCH_MS
    const { done, skipped, matched } = now.progress
    const line = `${id}: ${done + skipped} of ${matched}\n`
    if (line !== told) io.stderr(line)
    told = line
    await systemClock.sleep(Math.min(waitMs ?? 1000, 1000))
  }
}

function confirmOf({ flags }: LetterCall): Confirmation[] {
  return (text(flags, 'confirm')?.split(',') ?? []) as Confirmation[]
}

function reasonOf({ flags }: LetterCall): { reason?: string } {
  const reason = text(flags, 'reason')
  return reason === undefined ? {} : { reason }
}
