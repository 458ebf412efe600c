import type { FetchRequest, GatedRoute, LanePage, LaneRequest, OutboxRecord } from '../../src/ports.ts'
import type { Engine, StoredRecord } from './engine.ts'
import { isVisible, parseSnapshot } from './snapshot.ts'

export interface FetchFilter {
  owns(relayId: string, lane: LaneRequest): boolean
  isKeyBlocked(lane: number, key: string): boolean
}

/** The next records of each lane that the relay holds, by the hints that it gave. */
export function fetchPages(engine: Engine, request: FetchRequest, filter: FetchFilter): readonly LanePage[] {
  const byLane = new Map<number, StoredRecord[]>()
  for (const record of [...engine.records.values()].sort((a, b) => a.position - b.position)) {
    if (isPassedOver(record, request, filter)) continue
    const records = byLane.get(record.lane)
    if (records === undefined) byLane.set(record.lane, [record])
    else records.push(record)
  }
  return request.lanes
    .filter((lane) => filter.owns(request.relayId, lane))
    .map((lane) => page(lane, byLane.get(lane.lane) ?? []))
}

/** Whether its route is passed over. */
export function isGated(record: OutboxRecord, gated: readonly GatedRoute[]): boolean {
  return gated.some(
    ({ exchange, routingKey }) =>
      exchange === record.exchange && (routingKey === null || routingKey === record.routingKey),
  )
}

function isPassedOver(record: StoredRecord, request: FetchRequest, filter: FetchFilter): boolean {
  if (isGated(record, request.gated)) return true
  return request.passBlockedKeys && record.key !== null && filter.isKeyBlocked(record.lane, record.key)
}

/** Fresh records, and those below `low` whose transaction was still open at `base`. */
function page(request: LaneRequest, records: readonly StoredRecord[]): LanePage {
  const base = parseSnapshot(request.base)
  const found = records.filter(({ position, xid }) =>
    position > request.low ? !(position <= request.pos && isVisible(xid, base)) : base.xip.has(xid),
  )
  const taken: StoredRecord[] = []
  let bytes = 0
  for (const record of found) {
    bytes += record.payload.length + Buffer.byteLength(record.headers)
    const isFull = taken.length >= request.maxRecords || (taken.length > 0 && bytes > request.maxBytes)
    if (isFull) return { lane: request.lane, records: taken, cut: true }
    taken.push(record)
  }
  return { lane: request.lane, records: taken, cut: taken.length >= request.maxRecords }
}
