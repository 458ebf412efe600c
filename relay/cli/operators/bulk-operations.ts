import type { BulkOperation, DeadLetterOperations } from '../../../src/ports.ts'
import type { CommandCall } from '../command.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { json, table } from './table.ts'
import { actorOf, pageOf, text, usage } from './with-operations.ts'

/** What an action of `waybill bulk-operations` gets. */
export interface BulkCall extends CommandCall {
  readonly operations: DeadLetterOperations
  readonly rest: readonly string[]
}

export async function list(call: BulkCall): Promise<ExitCode> {
  const { operations, flags, io } = call
  const page = await operations.bulk.list(pageOf(flags))
  if (flags['json'] === true) {
    io.stdout(json(page))
    return EXIT.ok
  }
  const rows = page.items.map((one) => [
    ...[one.id, one.action, one.state, `${one.progress.done + one.progress.skipped}/${one.progress.matched}`],
    ...[String(one.progress.succeeded), String(one.progress.failedAgain), one.startedBy],
    ...[one.createdAt.toISOString(), one.pauseReason ?? ''],
  ])
  io.stdout(
    table(['ID', 'ACTION', 'STATE', 'BEGUN', 'SUCCEEDED', 'FAILED AGAIN', 'BY', 'AT', 'PAUSED'], rows),
  )
  if (page.nextCursor !== null) io.stdout(`More: --cursor ${page.nextCursor}\n`)
  return EXIT.ok
}

export async function show(call: BulkCall): Promise<ExitCode> {
  const { operations, flags, io } = call
  const id = onlyId(call)
  const bulk = await operations.bulk.show(id)
  const items = await operations.bulk.items(id, pageOf(flags))
  if (flags['json'] === true) {
    io.stdout(json({ ...bulk, items: items.items, nextCursor: items.nextCursor }))
    return EXIT.ok
  }
  io.stdout(describe(bulk))
  const rows = items.items.map((one) => [one.letterId, one.outcome, one.detail ?? ''])
  io.stdout(`\n${table(['ID', 'OUTCOME', ''], rows)}`)
  if (items.nextCursor !== null) io.stdout(`More: --cursor ${items.nextCursor}\n`)
  return EXIT.ok
}

export function steer(action: 'pause' | 'resume' | 'cancel'): (call: BulkCall) => Promise<ExitCode> {
  return async (call) => {
    const { operations, flags, io } = call
    const reason = text(flags, 'reason')
    const intent = { by: actorOf(flags), ...(reason !== undefined && { reason }) }
    const bulk = await operations.bulk[action](onlyId(call), intent)
    io.stdout(flags['json'] === true ? json(bulk) : describe(bulk))
    return EXIT.ok
  }
}

function onlyId({ rest }: BulkCall): string {
  const [id, ...others] = rest
  if (id !== undefined && others.length === 0) return id
  throw usage('Exactly one id is wanted.', 'Ids are such as bulk-3; see `waybill bulk-operations list`.')
}

/** How far it is, and what is to be done where it needs a person. */
export function describe({ id, action, state, pauseReason, progress }: BulkOperation): string {
  const { matched, done, skipped, succeeded, failedAgain } = progress
  const why = pauseReason === null ? '' : ` (${pauseReason})`
  const counts = [`${done} of ${matched} done`, `${skipped} passed over`]
  if (action === 'replay') counts.push(`${succeeded} succeeded`, `${failedAgain} failed again`)
  return `${id} is ${state}${why}: ${counts.join(', ')}.\n${NEXT[state](id, done - succeeded - failedAgain)}`
}

const NEXT: Readonly<Record<BulkOperation['state'], (id: string, open: number) => string>> = {
  running: () => 'Relays go on with it.\n',
  paused: (id) =>
    `To go on: waybill bulk-operations resume ${id}. To end it: waybill bulk-operations cancel ${id}\n`,
  watching: (id, open) =>
    `What comes of ${open} is not known yet; it will be here: waybill bulk-operations show ${id}\n`,
  finished: () => '',
  cancelled: () => '',
}
