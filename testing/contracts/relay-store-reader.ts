import { randomUUID } from 'node:crypto'
import type { LaneClaim, LaneRequest, NewRecord, OutboxRecord, RelayStore } from '../../src/ports.ts'

/** A transaction of a service that writes messages and has not committed yet. */
export interface OpenWriter {
  write(records: readonly NewRecord[]): Promise<void>
  commit(): Promise<void>
  rollback(): Promise<void>
}

/** An empty outbox and the relay's side of it. */
export interface RelayStoreSubject extends AsyncDisposable {
  readonly store: RelayStore
  /** Writes and commits. */
  write(records: readonly NewRecord[]): Promise<void>
  begin(): Promise<OpenWriter>
}

export type CreateSubject = () => Promise<RelayStoreSubject>

const LEASE_MS = 600_000

/** A relay that is alive for the whole test. */
export async function registerRelay(store: RelayStore, leaseMs: number = LEASE_MS): Promise<string> {
  const relayId = randomUUID()
  await store.register(
    { relayId, host: 'contract', schemaVersion: (await store.meta()).schemaVersion },
    leaseMs,
  )
  return relayId
}

/** A relay and what it asks for; hints that say nothing find everything. */
export interface Reader {
  readonly relayId: string
  readonly owned: readonly LaneClaim[]
  claimsOf(lane: number): LaneClaim[]
  lanes(hints?: Partial<LaneRequest>): LaneRequest[]
  /** Fetches from all lanes, with gates open unless given. */
  fetch(request?: Partial<Parameters<RelayStore['fetch']>[0]>): ReturnType<RelayStore['fetch']>
  /** All records that a fetch without hints finds, lane by lane. */
  everything(): Promise<OutboxRecord[]>
}

/** A relay that holds all lanes. */
export async function createReader(store: RelayStore): Promise<Reader> {
  const relayId = await registerRelay(store)
  const owned = (await store.rebalance(relayId, 0))?.owned ?? []
  const reader: Reader = {
    relayId,
    owned,
    claimsOf: (lane) => owned.filter((one) => one.lane === lane),
    lanes: (hints = {}) => owned.map((claim) => ({ ...claim, ...NO_HINTS, ...hints })),
    fetch: (request = {}) =>
      store.fetch({ relayId, lanes: reader.lanes(), gated: [], passBlockedKeys: false, ...request }),
    everything: async () => (await reader.fetch()).pages.flatMap(({ records }) => records),
  }
  return reader
}

/** Sees nothing as fetched yet. */
const NO_HINTS = { base: '1:1:', low: 0, pos: 0, maxRecords: 1000, maxBytes: 1 << 26 }

/** Everything up to the end of time, for `pos`. */
export const EVERYTHING: number = Number.MAX_SAFE_INTEGER

/** A record fit to be written; lanes are given, not computed, so that a test chooses them. */
export function record(fields: Partial<NewRecord> = {}): NewRecord {
  return {
    messageId: randomUUID(),
    type: 'order.placed',
    version: 1,
    source: 'orders',
    key: null,
    lane: 0,
    exchange: 'orders.events',
    routingKey: 'order.placed',
    headers: '{}',
    contentType: 'application/json',
    payload: Buffer.from('{}'),
    ...fields,
  }
}
