import { WaybillError, type NewRecord, type OutboxStore } from '../../src/ports.ts'
import type { Engine, StoredRecord, TransactionState } from './engine.ts'
import { cancel, schedule } from './scheduled.ts'
import { statement, stateOf, type MemoryTransaction } from './transaction.ts'

export function createOutboxStore(engine: Engine): OutboxStore<MemoryTransaction> {
  return {
    async append(tx, records, { lockKeys = false } = {}) {
      const state = stateOf(tx)
      await statement(state, async () => {
        if (lockKeys) await lock(engine, state, records)
        state.appended.push(...records.map((record) => stored(engine, state, record)))
      })
    },
    async schedule(tx, records) {
      const state = stateOf(tx)
      await statement(state, () => {
        schedule(engine, state, records)
        return Promise.resolve()
      })
    },
    async cancel(tx, messageId) {
      const state = stateOf(tx)
      return statement(state, () => cancel(engine, state, messageId))
    },
    statement() {
      throw new WaybillError('WAYBILL_UNSUPPORTED', {
        problem: 'A memory database speaks no SQL.',
        remedy: 'Use `outbox.write(tx, …)`.',
      })
    },
  }
}

async function lock(engine: Engine, state: TransactionState, records: readonly NewRecord[]): Promise<void> {
  const keys = new Set(records.flatMap(({ key }) => key ?? []))
  for (const key of [...keys].sort()) await engine.locks.acquire(state, `key ${JSON.stringify(key)}`)
}

/** The transaction's number is taken before the position, as readers with snapshots rely on. */
function stored(engine: Engine, state: TransactionState, record: NewRecord): StoredRecord {
  const xid = engine.xidOf(state)
  return { ...record, xid, position: engine.nextPosition(), createdAt: engine.clock.now() }
}
