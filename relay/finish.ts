import type { EngineParts, Works } from './works.ts'

/** In an order in which no step can undo a promise: publish nothing new, hear of what is out, remove it, hand over. */
export async function finish(works: Works): Promise<void> {
  const { parts, drain, fetching, settling, upkeep, wishes, leasing, publisher } = works
  const fetched = fetching.stop()
  await inFlightEnds(works)
  if (drain.inFlight() > 0) publisher.reset()
  const handOver = async (): Promise<void> => {
    await Promise.all([fetched, settling.stop(), upkeep.stop(), wishes.stop(), leasing.stop()])
    await settling.flush()
    await leasing.unregister()
  }
  try {
    await within(parts, handOver())
  } catch (error) {
    const text = 'The relay could not hand its lanes over; others take them when its lease has run out.'
    parts.logger.warn({ error }, text)
  }
}

async function inFlightEnds({ parts, drain, mood }: Works): Promise<void> {
  if (drain.inFlight() === 0 || mood.publisher !== 'ready') return
  const abort = new AbortController()
  mood.onTick = () => {
    if (drain.inFlight() === 0) abort.abort()
  }
  await parts.clock.sleep(parts.options.confirmTimeoutMs, { signal: abort.signal })
  mood.onTick = null
}

/** Waits for `work` no longer than a lease: after that there is nothing left to hand over. */
async function within({ clock, options }: EngineParts, work: Promise<void>): Promise<void> {
  const abort = new AbortController()
  const limit = clock.sleep(options.leaseMs, { signal: abort.signal }).then(() => {
    if (!abort.signal.aborted) throw new Error(`The database did not answer within ${options.leaseMs} ms.`)
  })
  try {
    await Promise.race([work, limit])
  } finally {
    abort.abort()
    await limit.catch(() => undefined)
    work.catch(() => undefined)
  }
}
