import { randomUUID } from 'node:crypto'
import {
  LANE_COUNT,
  type OutboxMeta,
  type RecordReference,
  type RelayStore,
  type Ring,
  type Settlement,
} from '../../src/ports.ts'
import type { Engine, StoredRecord } from './engine.ts'
import { fetchPages } from './fetch.ts'
import { createLeases } from './leases.ts'
import { createParked, type ParkedRecord } from './parked.ts'
import { sampleMemory } from './sample.ts'
import { createScheduled } from './scheduled.ts'
import { snapshotText } from './snapshot.ts'

export interface MemoryRelayStore {
  readonly store: RelayStore
  parked(): readonly ParkedRecord[]
}

/** What is in memory has one life and one history. */
const SERVER = 'memory'
const CLUSTER = { systemIdentifier: 'memory', timeline: 1 }

/** High enough for any relay: a memory database is always as new as the code. */
const SCHEMA_VERSION = 2_147_483_647

/** @param check rejects while the database is down on purpose. */
export function createRelayStore(engine: Engine, check: () => Promise<void>): MemoryRelayStore {
  const leases = createLeases(engine.clock)
  const scheduled = createScheduled(engine, (relayId, claim) => leases.owns(relayId, claim))
  const parked = createParked(engine, (relayId, claim) => leases.owns(relayId, claim))
  const meta: OutboxMeta = {
    codeVersion: SCHEMA_VERSION,
    schemaVersion: SCHEMA_VERSION,
    minCompatible: 0,
    lanes: LANE_COUNT,
    installId: randomUUID(),
    cluster: CLUSTER,
  }
  const answer = async <Result>(work: () => Result): Promise<Result> => {
    await check()
    return work()
  }

  const store: RelayStore = {
    meta: () => answer(() => meta),
    register: (relay, leaseMs) =>
      answer(() => {
        leases.register(relay, leaseMs)
      }),
    renew: (relayId, leaseMs) => answer(() => leases.renew(relayId, leaseMs)),
    rebalance: (relayId, graceMs) =>
      answer(() => {
        const share = leases.rebalance(relayId, graceMs)
        return share === null ? null : { ...share, meta, isElsewhere: false }
      }),
    releaseLanes: (relayId, lanes) =>
      answer(() => {
        leases.release(relayId, lanes)
      }),
    unregister: (relayId) =>
      answer(() => {
        leases.unregister(relayId)
      }),
    ring: () => answer(() => ringOf(engine)),
    fetch: (request) =>
      answer(() => ({
        ...ringOf(engine),
        pages: fetchPages(engine, request, {
          owns: (relayId, claim) => leases.owns(relayId, claim),
          isKeyBlocked: (lane, key) => parked.isKeyBlocked(lane, key),
        }),
      })),
    settle: (records) =>
      answer(() => settlement(engine, parked.remove(records) + remove(engine, records).length)),
    park: (requests) =>
      answer(() => {
        const again = parked.refuse(requests)
        const moved = remove(engine, requests)
        parked.add(moved)
        return settlement(engine, again + moved.length)
      }),
    due: (request) => answer(() => parked.due(request)),
    blockedKeys: (lanes) => answer(() => parked.blockedKeys(lanes)),
    forgetHistory: () => answer(() => []),
    rotate: () => answer(() => ({ truncated: [], rows: 0, burnt: 0 })),
    moveScheduled: (request) => answer(() => scheduled.moveScheduled(request)),
    scheduled: () => answer(() => scheduled.scheduled()),
    countBlocked: ({ crowd }) => answer(() => parked.countBlocked(crowd)),
    backlog: () => answer(() => ({ ...waiting(engine), ...parked.counts() })),
    sample: () => answer(() => sampleMemory(engine, parked, waiting(engine))),
    lanes: () => answer(() => leases.lanes()),
    clusters: () => answer(() => [{ ...CLUSTER, ageMs: 0 }]),
  }
  return { store, parked: () => parked.list() }
}

function ringOf(engine: Engine): Ring {
  return { server: SERVER, snapshot: snapshotText(engine.snapshot()), sequence: engine.sequence() }
}

/** Takes a transaction number also when nothing was removed, as the pair rule of relays needs one. */
function settlement(engine: Engine, removed: number): Settlement {
  const state = engine.begin()
  const xid = engine.xidOf(state)
  engine.commit(state)
  return { removed, server: SERVER, xid }
}

function remove<Reference extends RecordReference>(
  engine: Engine,
  references: readonly Reference[],
): readonly (readonly [StoredRecord, Reference])[] {
  return references.flatMap((reference) => {
    const record = engine.records.get(reference.position)
    if (record?.messageId !== reference.messageId || record.lane !== reference.lane) return []
    engine.records.delete(reference.position)
    return [[record, reference] as const]
  })
}

function waiting(engine: Engine): { records: number; estimated: boolean; oldestAgeMs: number | null } {
  const times = [...engine.records.values()].map((record) => record.createdAt)
  const oldest = times.reduce((least, time) => Math.min(least, time), Infinity)
  const oldestAgeMs = times.length === 0 ? null : engine.clock.now() - oldest
  return { records: times.length, estimated: false, oldestAgeMs }
}
