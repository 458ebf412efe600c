import type pg from 'pg'
import { pgDatabase } from '../../adapters/pg/index.ts'
import { auditConservation } from '../../src/ports.ts'
import { EXCHANGES } from './messages.ts'

/**
 * What the conservation audit of the product says of the same run, from other tables than those of the checker: the history that
 * the writers have noted, and what the inboxes remember.
 */
export async function secondJudge(pool: pg.Pool, consumers: readonly string[]): Promise<string[]> {
  if (consumers.length === 0) return []
  const database = pgDatabase(pool)
  const { consumers: audited, notes } = await auditConservation({
    producer: database,
    consumers: [database],
    only: consumers,
    types: EXCHANGES,
    settleMs: 0,
    isWhole: true,
  })
  const unheard = consumers.filter((name) => !audited.some(({ consumer }) => consumer === name))
  return [
    ...unheard.map((name) => `Nothing was judged of ${name}: ${notes.join(' ')}`),
    ...audited.flatMap(({ consumer, missing, unexpected }) => [
      ...missing.messages.map(({ messageId }) => `${messageId} is missing at ${consumer}`),
      ...unexpected.messages.map(({ messageId }) => `${messageId} is unexpected at ${consumer}`),
    ]),
  ]
}
