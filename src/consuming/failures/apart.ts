import type { FailedVerdict, Work } from '../verdict.ts'

/** A delivery that came back so often without an answer may be what brings its process down. */
const SUSPECT_FROM = 2
/** So many processes may go down under a message. */
const CRASHES_LIMIT = 3

/** What becomes of a message that is not to be handled now. */
export function apart({ delivery, claimed, decided }: Work): FailedVerdict | null {
  if (decided !== null) return decided
  if (claimed === null) {
    if (delivery.deliveryCount < SUSPECT_FROM) return null
    const text = `It came back ${String(delivery.deliveryCount)} times without an answer.`
    return { kind: 'failed', outcome: 'suspect', reason: 'suspect', text }
  }
  if (claimed.crashes < CRASHES_LIMIT) return null
  const text = `${String(claimed.crashes)} instances were gone before they had handled it.`
  return { kind: 'failed', outcome: 'failed', reason: 'poison_crash', text }
}
