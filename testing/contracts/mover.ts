import { randomUUID } from 'node:crypto'
import type { RelayStore } from '../../src/ports.ts'

const HOUR_MS = 3_600_000

export const MANY: { readonly maxRecords: number; readonly maxBytes: number } = {
  maxRecords: 1000,
  maxBytes: 1 << 24,
}

export interface Mover extends AsyncDisposable {
  readonly claim: { readonly relayId: string; readonly epoch: number }
  move(): ReturnType<RelayStore['moveScheduled']>
}

/** A relay that owns all lanes until it is disposed. */
export async function createMover(store: RelayStore): Promise<Mover> {
  const relayId = randomUUID()
  const { schemaVersion } = await store.meta()
  await store.register({ relayId, host: 'contract', schemaVersion }, HOUR_MS)
  const owned = (await store.rebalance(relayId, 0))?.owned ?? []
  const claim = { relayId, epoch: owned.find(({ lane }) => lane === 0)?.epoch ?? -1 }
  return {
    claim,
    move: () => store.moveScheduled({ ...claim, ...MANY }),
    [Symbol.asyncDispose]: () => store.unregister(relayId),
  }
}
