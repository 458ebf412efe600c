import { WaybillError } from '../../errors.ts'
import type { Watches } from '../watch.ts'

/** What the promise comes to, unless it takes longer than that, or the consumer does not want to wait any more. */
export async function withinLimit<Result>(
  watches: Watches,
  limitMs: number,
  promise: Promise<Result>,
): Promise<Result> {
  const watch = watches.begin()
  const ended = new Promise<never>((_, reject) => {
    watch.onEnd(reject)
  })
  watch.enter(limitMs, () => {
    watch.end(
      new WaybillError('WAYBILL_DATABASE_UNAVAILABLE', {
        problem: `The database did not keep a message within ${String(limitMs)} ms.`,
      }),
    )
  })
  try {
    return await Promise.race([promise, ended])
  } finally {
    watch.done()
  }
}
