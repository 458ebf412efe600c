import type { InboxEntry, InboxStore, InboxVerdict } from '../../src/ports.ts'
import type { Engine, Row } from './engine.ts'
import { failureRows, passGate } from './failure-rows.ts'
import { readRow, rowLock, statement, stateOf, writeRow, type MemoryTransaction } from './transaction.ts'

/** Not reachable by a user's table of the same name: theirs have no such prefix. */
const INBOX_TABLE = '\u0000waybill.inbox'

interface InboxRow extends InboxEntry {
  readonly handledAt: number
}

export function createInboxStore(engine: Engine): InboxStore<MemoryTransaction> {
  const pruning = {
    holder: null as string | null,
    expiresAt: -Infinity,
    /** For how long each consumer wants messages remembered, and until when that counts. */
    wanted: new Map<string, { readonly retentionMs: number; readonly until: number }>(),
  }
  return {
    async remember(tx, entry) {
      const state = stateOf(tx)
      return statement(state, async () => {
        const messageId = entry.messageId.toLowerCase()
        const key = keyOf(entry.consumer, messageId)
        await engine.locks.acquire(state, rowLock(INBOX_TABLE, key))
        const known = readRow(engine, state, { table: INBOX_TABLE, key }) as InboxRow | undefined
        if (known !== undefined) return known.fingerprint === entry.fingerprint ? 'duplicate' : 'conflict'
        const { consumer, fingerprint } = entry
        const row: InboxRow = { consumer, messageId, fingerprint, handledAt: engine.clock.now() }
        await writeRow(engine, state, { table: INBOX_TABLE, key, row: { ...row } })
        return passGate(engine, state, entry)
      })
    },
    claimPruning({ consumer, holder, retentionMs, leaseMs }) {
      const now = engine.clock.now()
      pruning.wanted.set(consumer, { retentionMs, until: now + retentionMs })
      if (pruning.holder !== holder && pruning.expiresAt > now) return Promise.resolve(null)
      pruning.holder = holder
      pruning.expiresAt = now + leaseMs
      const counting = [...pruning.wanted.values()].filter(({ until }) => until > now)
      return Promise.resolve(Math.max(retentionMs, ...counting.map((each) => each.retentionMs)))
    },
    prune({ retentionMs, unsaidMs, limit, after = -1 }) {
      const rows = engine.tables.get(INBOX_TABLE) ?? new Map<string, Row>()
      const now = engine.clock.now()
      const old = [...rows].filter(([, row]) => handledAt(row) > after && handledAt(row) < now - retentionMs)
      const page = old.sort(([, a], [, b]) => handledAt(a) - handledAt(b)).slice(0, limit)
      const kept = new Set(failureRows(engine).map(({ consumer, messageId }) => keyOf(consumer, messageId)))
      const forgotten = page.filter(
        ([key, row]) =>
          !kept.has(key) && (pruning.wanted.has(consumerOf(row)) || handledAt(row) < now - unsaidMs),
      )
      for (const [key] of forgotten) rows.delete(key)
      const last = page.length === limit ? page.at(-1) : undefined
      return Promise.resolve({
        forgotten: forgotten.length,
        next: last === undefined ? null : handledAt(last[1]),
      })
    },
  }
}

/** In the order of their ids, so that two transactions with the same messages never wait for each other. */
export async function rememberAll(
  inbox: InboxStore<MemoryTransaction>,
  tx: MemoryTransaction,
  entries: readonly InboxEntry[],
): Promise<readonly InboxVerdict[]> {
  const verdicts: InboxVerdict[] = []
  const idOf = ({ messageId }: InboxEntry): string => messageId.toLowerCase()
  const byId = [...entries.entries()].sort(
    ([, a], [, b]) => Number(idOf(a) > idOf(b)) - Number(idOf(a) < idOf(b)),
  )
  for (const [index, entry] of byId) verdicts[index] = await inbox.remember(tx, entry)
  return verdicts
}

const keyOf = (consumer: string, messageId: string): string => JSON.stringify([consumer, messageId])
const handledAt = (row: Row): number => (row as unknown as InboxRow).handledAt
const consumerOf = (row: Row): string => (row as unknown as InboxRow).consumer

export function inboxEntries(engine: Engine): readonly InboxEntry[] {
  const rows = [...(engine.tables.get(INBOX_TABLE)?.values() ?? [])] as unknown as InboxRow[]
  return rows.map(({ consumer, messageId, fingerprint }) => ({ consumer, messageId, fingerprint }))
}
