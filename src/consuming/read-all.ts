import { WaybillError } from '../errors.ts'
import { Stopped } from './attempt.ts'
import { read, type Reading, type ReadParts } from './read.ts'
import type { Verdict, Work } from './verdict.ts'
import type { Watches } from './watch.ts'

export interface ReadAllParts<Tx> extends ReadParts<Tx> {
  readonly watches: Watches
  readonly handlerTimeoutMs: number
}

export interface Read<Tx> {
  readonly work: Work
  readonly reading: Reading<Tx>
}

/**
 * Reads deliveries. A promise only if one of them has to be waited for, which may take as long as a handler and ends with
 * the consumer: a schema or an upcast that never settles would hold its place for ever.
 */
export function readAll<Tx>(
  parts: ReadAllParts<Tx>,
  works: readonly Work[],
): readonly Read<Tx>[] | Promise<Read<Tx>[]> {
  const now: Read<Tx>[] = []
  const all = works.map((work) => {
    const reading = read(parts, work)
    if (!(reading instanceof Promise)) now.push({ work, reading })
    return { work, reading }
  })
  return now.length === works.length ? now : waitForAll(parts, all)
}

interface Awaited<Tx> {
  readonly work: Work
  readonly reading: Reading<Tx> | Promise<Reading<Tx>>
}

async function waitForAll<Tx>(parts: ReadAllParts<Tx>, all: readonly Awaited<Tx>[]): Promise<Read<Tx>[]> {
  const { watches, handlerTimeoutMs } = parts
  const watch = watches.begin()
  const ended = new Promise<Verdict>((resolve) => {
    watch.onEnd((error) => {
      resolve(unread(error))
    })
  })
  watch.enter(handlerTimeoutMs, () => {
    watch.end(overdue(handlerTimeoutMs))
  })
  try {
    return await Promise.all(
      all.map(async ({ work, reading }) => ({ work, reading: await Promise.race([reading, ended]) })),
    )
  } finally {
    watch.done()
  }
}

function unread(error: Error): Verdict {
  if (error instanceof Stopped) return { kind: 'release' }
  return {
    kind: 'failed',
    outcome: 'failed',
    reason: 'failed',
    text: 'The message was not read in time.',
    error,
  }
}

function overdue(limitMs: number): WaybillError {
  return new WaybillError('WAYBILL_HANDLER_TIMEOUT', {
    problem: `The schema or the upcast of the message has not ended within ${String(limitMs)} ms.`,
    remedy: 'Let it wait for nothing that may not answer, or raise the option handlerTimeoutMs.',
  })
}
