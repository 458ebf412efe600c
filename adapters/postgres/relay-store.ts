import {
  LANE_COUNT,
  type Backlog,
  type FetchRequest,
  type FetchResult,
  type Floors,
  type LaneClaim,
  type LaneStatus,
  type RecordReference,
  type RelayRegistration,
  type RelayStore,
  type SeenCluster,
} from '../../src/ports.ts'
import { estimateWaiting, waitingOf } from './count-waiting.ts'
import { DEFAULT_SCHEMA, identifier } from './identifier.ts'
import { createForgetting } from './forget-history.ts'
import { createLooking } from './look.ts'
import { createMetaReader } from './meta.ts'
import { parkedCalls, takeParked } from './parked-calls.ts'
import { readCommitted } from './read-committed.ts'
import { createRebalancer } from './rebalance.ts'
import { fetchResult, fetchValues, ringOf } from './record-rows.ts'
import { references, settlement } from './references.ts'
import { createRotator } from './rotate.ts'
import { createSampler } from './sample.ts'
import { SCHEMA_VERSION } from './schema-version.ts'
import { scheduledCalls } from './scheduled-calls.ts'
import type { SqlExecutor, SqlPool } from './sql-executor.ts'
import { backlog } from './statements/backlog.ts'
import { clusters } from './statements/cluster.ts'
import { fetch } from './statements/fetch.ts'
import { lanes } from './statements/lanes.ts'
import { register } from './statements/register.ts'
import { releaseLanes } from './statements/release-lanes.ts'
import { renew } from './statements/renew.ts'
import { ring } from './statements/ring.ts'
import { settle } from './statements/settle.ts'
import { unregister } from './statements/unregister.ts'

export interface RelayStoreOptions {
  /** @defaultValue `waybill` */
  readonly schema?: string
  /** @internal Stands for code of another release. */
  readonly codeVersion?: number
}

/** The relay's side of the outbox in PostgreSQL. Keeps no session state; each call may use another connection. */
export function createRelayStore(pool: SqlPool, options: RelayStoreOptions = {}): RelayStore {
  const name = options.schema ?? DEFAULT_SCHEMA
  const schema = identifier(name)
  const database = readCommitted(pool)
  const { codeVersion = SCHEMA_VERSION } = options
  const readMeta = createMetaReader({ schema: name, codeVersion })
  return {
    meta: () => readMeta(database, { check: true }),
    rebalance: createRebalancer({ pool, schema: name, readMeta }),
    rotate: createRotator({ pool, database, schema }),
    forgetHistory: createForgetting({ pool, database, schema }),
    ...leaseCalls(database, schema),
    ...recordCalls(database, schema),
    ...parkedCalls(pool, database, schema),
    ...scheduledCalls(database, schema),
    ...viewCalls(database, schema),
    sample: createSampler(pool, name),
  }
}

type LeaseCalls = Pick<RelayStore, 'register' | 'renew' | 'releaseLanes' | 'unregister'>

function leaseCalls(database: SqlExecutor, schema: string): LeaseCalls {
  return {
    async register(relay: RelayRegistration, leaseMs: number) {
      await database.query(register(schema), [relay.relayId, relay.host, relay.schemaVersion, leaseMs])
    },
    async renew(relayId: string, leaseMs: number, floors: Floors | null) {
      const rows = await database.query(renew(schema), [relayId, leaseMs, ...floorValues(floors)])
      return rows.length === 1
    },
    async releaseLanes(relayId: string, claims: readonly LaneClaim[]) {
      const lanes = claims.map(({ lane }) => lane)
      const epochs = claims.map(({ epoch }) => epoch)
      await database.query(releaseLanes(schema), [relayId, lanes, epochs])
    },
    async unregister(relayId: string) {
      await database.query(unregister(schema), [relayId])
    },
  }
}

/** Of all lanes, in their order. */
function floorValues(floors: Floors | null): readonly unknown[] {
  const all = Array.from({ length: LANE_COUNT }, (_, lane) => floors?.lanes.get(lane))
  const [positions, bases] = [all.map((one) => one?.position ?? null), all.map((one) => one?.base ?? null)]
  return [positions, bases, floors?.server ?? null]
}

type RecordCalls = Pick<RelayStore, 'ring' | 'fetch' | 'settle'>

function recordCalls(database: SqlExecutor, schema: string): RecordCalls {
  const looking = createLooking(database, schema)
  return {
    async ring() {
      const [row = []] = await database.query(ring(schema))
      return ringOf(row)
    },
    async fetch(request: FetchRequest): Promise<FetchResult> {
      const looked = await looking(request)
      if (looked !== null) return looked
      const filters = { gated: request.gated.length > 0, blockedKeys: request.passBlockedKeys }
      const rows = await database.query(fetch(schema, filters), fetchValues(request))
      return fetchResult(rows, request.lanes)
    },
    async settle(records: readonly RecordReference[]) {
      const taken = await takeParked(database, schema, records)
      const settled = settlement(await database.query(settle(schema), references(records)))
      return { ...settled, removed: settled.removed + taken }
    },
  }
}

type ViewCalls = Pick<RelayStore, 'backlog' | 'lanes' | 'clusters'>

function viewCalls(database: SqlExecutor, schema: string): ViewCalls {
  return {
    async backlog(): Promise<Backlog> {
      const [row = []] = await database.query(backlog(schema))
      const waiting = await waitingOf(row, () => estimateWaiting(database, schema))
      return { ...waiting, parked: Number(row[2]), dead: Number(row[3]) }
    },
    async lanes(): Promise<LaneStatus[]> {
      const rows = await database.query(lanes(schema))
      return rows.map(([lane, epoch, owner, host, live]) => ({
        lane: Number(lane),
        epoch: Number(epoch),
        owner: owner ?? null,
        ownerHost: host ?? null,
        ownerLive: live === 't',
      }))
    },
    async clusters(): Promise<SeenCluster[]> {
      const rows = await database.query(clusters(schema))
      return rows.map(([systemIdentifier, timeline, age]) => ({
        systemIdentifier: systemIdentifier ?? '',
        timeline: Number(timeline),
        ageMs: Math.max(Number(age), 0),
      }))
    },
  }
}
