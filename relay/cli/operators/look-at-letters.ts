import type { DeadLetter, DeadLetterOperations, Total } from '../../../src/ports.ts'
import type { CommandCall } from '../command.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { filterOf } from './filter-flags.ts'
import { json, printable, table } from './table.ts'
import { pageOf, usage } from './with-operations.ts'

/** What an action of `waybill dead-letters` gets. */
export interface LetterCall extends CommandCall {
  readonly operations: DeadLetterOperations
  /** The words after the action. */
  readonly rest: readonly string[]
}

export async function list(call: LetterCall): Promise<ExitCode> {
  const { operations, flags, io } = call
  const page = await operations.letters.list(filterOf(flags) ?? {}, pageOf(call.flags))
  if (flags['json'] === true) {
    io.stdout(json(page))
    return EXIT.ok
  }
  const rows = page.items.map((letter) => [
    ...[
      letter.id,
      letter.failedAt.toISOString(),
      letter.consumer ?? '(outbox)',
      letter.type,
      letter.key ?? '',
    ],
    ...[letter.reason, letter.errorMessage ?? ''],
  ])
  io.stdout(table(['ID', 'FAILED AT', 'CONSUMER', 'TYPE', 'KEY', 'REASON', 'ERROR'], rows))
  const more = page.nextCursor === null ? '' : ` More: --cursor ${page.nextCursor}`
  io.stdout(`${totalText(page.total)} in all.${more}\n`)
  return EXIT.ok
}

export async function groups(call: LetterCall): Promise<ExitCode> {
  const { operations, flags, io } = call
  const page = await operations.letters.groups(filterOf(flags) ?? {}, pageOf(call.flags))
  if (flags['json'] === true) {
    io.stdout(json(page))
    return EXIT.ok
  }
  const rows = page.items.map((group) => [
    ...[group.fingerprint ?? '', String(group.count), group.consumer ?? '(outbox)', group.type, group.reason],
    ...[group.lastFailedAt.toISOString(), group.example.errorMessage ?? ''],
  ])
  io.stdout(table(['FINGERPRINT', 'COUNT', 'CONSUMER', 'TYPE', 'REASON', 'LAST', 'ERROR'], rows))
  if (page.nextCursor !== null) io.stdout(`More: --cursor ${page.nextCursor}\n`)
  return EXIT.ok
}

export async function show(call: LetterCall): Promise<ExitCode> {
  const { operations, flags, io } = call
  const id = onlyId(call)
  const letter = await operations.letters.show(id)
  const { items: attempts } = await operations.letters.attempts(id)
  const payload = flags['payload'] === true ? await readPayload(operations, id) : null
  if (flags['json'] === true) {
    io.stdout(json({ ...letter, attemptHistory: attempts, ...(payload !== null && { payload }) }))
    return EXIT.ok
  }
  const said = payload === null ? {} : { payload: payload.body }
  const fields = Object.entries({ ...letter, waiting: totalText(letter.waiting), ...said })
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name.padEnd(16)}${shown(value)}\n`)
  io.stdout(fields.join(''))
  const rows = attempts.map((one) => [
    ...[one.endedAt.toISOString(), one.outcome, one.replay ? 'replay' : '', one.host ?? ''],
    ...[one.durationMs === null ? '' : `${one.durationMs} ms`, one.traceId ?? '', one.errorMessage ?? ''],
  ])
  if (rows.length > 0) io.stdout(`\n${table(['AT', 'OUTCOME', '', 'HOST', 'TOOK', 'TRACE', 'ERROR'], rows)}`)
  return EXIT.ok
}

/** All of it, line by line: a path that is cut off helps nobody. */
function shown(value: unknown): string {
  if (value instanceof Date) return value.toISOString()
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text
    .split('\n')
    .map(printable)
    .join(`\n${' '.repeat(16)}`)
}

export function totalText({ count, isExact }: Total): string {
  return isExact ? String(count) : `more than ${count}`
}

/** So few that large messages fit into memory, so many that the way to the database is not waited for all the time. */
const AT_ONCE = 8

/** One JSON object a line, for all that the filter finds, with what the messages say. */
export async function exportAll({ operations, flags, io }: LetterCall): Promise<ExitCode> {
  const filter = filterOf(flags) ?? {}
  let cursor: string | undefined
  do {
    const page = await operations.letters.list(filter, { cursor, limit: 200 })
    for (let n = 0; n < page.items.length; n += AT_ONCE) {
      const some = page.items.slice(n, n + AT_ONCE)
      const lines = await Promise.all(some.map((letter) => whole(operations, letter)))
      for (const line of lines) io.stdout(`${JSON.stringify(line)}\n`)
    }
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)
  return EXIT.ok
}

async function whole(operations: DeadLetterOperations, letter: DeadLetter): Promise<object> {
  const { headers, contentType } = await operations.letters.show(letter.id)
  return { ...letter, headers, contentType, payload: await readPayload(operations, letter.id) }
}

/** Text as it is, other bytes in base64. */
async function readPayload(
  operations: DeadLetterOperations,
  id: string,
): Promise<{ readonly encoding: 'utf8' | 'base64'; readonly body: string; readonly sealed: boolean }> {
  const { bytes, sealed } = await operations.letters.payload(id)
  const body = bytes.toString('utf8')
  const isText = Buffer.from(body, 'utf8').equals(bytes)
  return { encoding: isText ? 'utf8' : 'base64', body: isText ? body : bytes.toString('base64'), sealed }
}

export function onlyId({ rest }: LetterCall): string {
  const [id, ...others] = rest
  if (id !== undefined && others.length === 0) return id
  throw usage('Exactly one id is wanted.', 'Ids are such as in-12 or out-7; see `waybill dead-letters list`.')
}
