import type {
  BlockedKeys,
  DueRecord,
  DueRequest,
  LaneClaim,
  OutboxRecord,
  ParkRequest,
  RecordReference,
} from '../../src/ports.ts'
import type { Engine, StoredRecord } from './engine.ts'
import { isGated } from './fetch.ts'
import { fitting } from './fitting.ts'

/** A record that was moved aside. */
export interface ParkedRecord extends OutboxRecord {
  readonly state: 'retry' | 'dead'
  readonly reason: string
  readonly error: string
  /** How often it was refused. */
  readonly attempts: number
  readonly parkedAt: number
  readonly nextAttemptAt: number | null
}

export interface Parked {
  list(): readonly ParkedRecord[]
  /** Notes that records were moved here from the outbox. */
  add(moved: readonly (readonly [StoredRecord, ParkRequest])[]): void
  /** @returns how many of them are parked to be tried again. */
  refuse(requests: readonly ParkRequest[]): number
  /** @returns how many of them were there. */
  remove(references: readonly RecordReference[]): number
  due(request: DueRequest): readonly DueRecord[]
  isKeyBlocked(lane: number, key: string): boolean
  /** As `lane:key`. */
  blockedKeys(lanes: readonly number[]): ReadonlySet<string>
  /** What waits in the outbox behind parked records. */
  countBlocked(crowd: number): BlockedKeys
  counts(): { readonly parked: number; readonly dead: number }
}

export function createParked(engine: Engine, owns: (relayId: string, claim: LaneClaim) => boolean): Parked {
  let parked: readonly ParkedRecord[] = []
  const sentence = ({ reason, error, attempts, retryInMs }: ParkRequest) => ({
    state: retryInMs === null ? ('dead' as const) : ('retry' as const),
    reason,
    error,
    attempts,
    nextAttemptAt: retryInMs === null ? null : engine.clock.now() + retryInMs,
  })
  const others = (record: ParkedRecord): readonly ParkedRecord[] =>
    parked.filter((other) => other !== record && other.lane === record.lane && other.key === record.key)

  return {
    list: () => [...parked],
    add(moved) {
      const parkedAt = engine.clock.now()
      const added = moved.map(([{ xid: _, ...record }, why]) => ({ ...record, parkedAt, ...sentence(why) }))
      parked = [...parked, ...added]
    },
    refuse(requests) {
      let count = 0
      parked = parked.map((record) => {
        const request = requests.find((one) => record.state === 'retry' && isSame(one, record))
        if (request === undefined) return record
        count += 1
        return { ...record, ...sentence(request) }
      })
      return count
    },
    remove(references) {
      const before = parked.length
      parked = parked.filter(
        (record) => !references.some((one) => one.isParked === true && isSame(one, record)),
      )
      return before - parked.length
    },
    due(request) {
      const now = engine.clock.now()
      const { relayId, inOrder } = request
      const owned = new Set(request.lanes.filter((claim) => owns(relayId, claim)).map(({ lane }) => lane))
      const found = parked
        .filter(({ lane, nextAttemptAt }) => owned.has(lane) && (nextAttemptAt ?? Infinity) <= now)
        .filter((record) => !request.except.includes(record.messageId) && !isGated(record, request.gated))
        .filter((record) => !inOrder || !hasFirst(record, others(record)))
        .sort((one, other) => (one.nextAttemptAt ?? 0) - (other.nextAttemptAt ?? 0))
      return fitting(found, request)
        .sort((one, other) => one.position - other.position)
        .map((record) => ({
          record,
          attempts: record.attempts,
          ageMs: now - record.parkedAt,
          isFollowed: record.key !== null && others(record).length > 0,
        }))
    },
    isKeyBlocked: (lane, key) => parked.some((record) => record.lane === lane && record.key === key),
    blockedKeys(lanes) {
      const keyed = parked.filter(({ lane, key }) => key !== null && lanes.includes(lane))
      return new Set(keyed.map(({ lane, key }) => `${String(lane)}:${String(key)}`))
    },
    countBlocked: (crowd) => countBlocked(engine, parked, crowd),
    counts: () => ({ parked: parked.length, dead: parked.filter(({ state }) => state === 'dead').length }),
  }
}

function isSame(reference: RecordReference, record: ParkedRecord): boolean {
  const { lane, position, messageId } = reference
  return record.messageId === messageId && record.lane === lane && record.position === position
}

/** Whether an earlier one of its key is parked. */
function hasFirst({ key, position }: ParkedRecord, others: readonly ParkedRecord[]): boolean {
  return key !== null && others.some((other) => other.position < position)
}

function countBlocked(engine: Engine, parked: readonly ParkedRecord[], crowd: number): BlockedKeys {
  const heads = new Map<string, { lane: number; messageId: string; records: number }>()
  const nameOf = ({ lane, key }: OutboxRecord): string => `${String(lane)}:${String(key)}`
  for (const record of [...parked].sort((one, other) => one.position - other.position)) {
    const { lane, messageId } = record
    if (record.key !== null && !heads.has(nameOf(record)))
      heads.set(nameOf(record), { lane, messageId, records: 0 })
  }
  for (const record of engine.records.values()) {
    const head = record.key === null ? undefined : heads.get(nameOf(record))
    if (head !== undefined) head.records += 1
  }
  const all = [...heads.values()].sort((one, other) => other.records - one.records)
  return {
    keys: all.length,
    records: all.reduce((sum, { records }) => sum + records, 0),
    isComplete: true,
    crowded: all.filter(({ records }) => records > crowd).slice(0, 20),
  }
}
