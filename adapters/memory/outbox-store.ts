import { WaybillError, type NewRecord, type OutboxStore } from '../../src/ports.ts'
import type { Engine, StoredRecord, TransactionState } from './engine.ts'
import { statement, stateOf, type MemoryTransaction } from './transaction.ts'

export function createOutboxStore(engine: Engine): OutboxStore<MemoryTransaction> {
  return {
    async append(tx, records) {
      const state = stateOf(tx)
      await statement(state, () => {
        state.appended.push(...records.map((record) => stored(engine, state, record)))
        return Promise.resolve()
      })
    },
    async lockKeys(tx, keys) {
      const state = stateOf(tx)
      await statement(state, async () => {
        for (const key of [...new Set(keys)].sort()) {
          await engine.locks.acquire(state, `key ${JSON.stringify(key)}`)
        }
      })
    },
    statement() {
      throw new WaybillError('WAYBILL_UNSUPPORTED', {
        problem: 'A memory database speaks no SQL.',
        remedy: 'Use `outbox.write(tx, …)`.',
      })
    },
  }
}

/** The transaction's number is taken before the position, as readers with snapshots rely on. */
function stored(engine: Engine, state: TransactionState, record: NewRecord): StoredRecord {
  const xid = engine.xidOf(state)
  return { ...record, xid, position: engine.nextPosition(), createdAt: engine.clock.now() }
}
