import type { OutboxMeta } from '../../src/ports.ts'

/** What is said of it. */
export const ELSEWHERE =
  'The database was restored or has failed over: what was committed last may be missing, and everything that is there is searched anew.'

/** Whether what was read with one is still true with the other. */
export function isSameHistory(one: OutboxMeta, other: OutboxMeta): boolean {
  return (
    one.installId === other.installId &&
    one.cluster.systemIdentifier === other.cluster.systemIdentifier &&
    one.cluster.timeline === other.cluster.timeline
  )
}
