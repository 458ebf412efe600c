import type { StoredCounts } from '../telemetry/sample.ts'

/** Facts about the installed schema, read at start and at each rebalance. */
export interface OutboxMeta {
  /** The schema version that the code of the store was written for. */
  readonly codeVersion: number
  readonly schemaVersion: number
  /** The oldest code, by the schema version it was written for, that may still run on this schema. */
  readonly minCompatible: number
  readonly lanes: number
  readonly installId: string
  /** Where the server that has answered belongs to. */
  readonly cluster: Cluster
}

/** One history of one cluster; the schema is in another one after a restore or a failover. */
export interface Cluster {
  /** Tells a cluster from another one that its data was restored into. Empty where the server does not say. */
  readonly systemIdentifier: string
  /** Grows with each promotion of a standby or copy, which may lack what was committed last. 0: it is not said. */
  readonly timeline: number
}

/** A cluster in which relays have worked on this schema. */
export interface SeenCluster extends Cluster {
  /** How long ago the first of them was there. */
  readonly ageMs: number
}

/** A relay's right to a lane; `epoch` grows at each change of owner. */
export interface LaneClaim {
  readonly lane: number
  readonly epoch: number
}

/**
 * Where what waits in a lane is found: from this position on, and of transactions in progress at the snapshot `base` also before
 * it. It holds on one server for good.
 */
export interface LaneFloor {
  /** 1: all of it. */
  readonly position: number
  /** Text of a snapshot. */
  readonly base: string
}

/** What a relay knows of its lanes on a server, which is named as in {@link Ring}. */
export interface Floors {
  readonly server: string
  readonly lanes: ReadonlyMap<number, LaneFloor>
}

export interface ClaimedLane extends LaneClaim {
  /** What its last owner has said, if it was on this server and is taken over now. */
  readonly left?: (LaneFloor & Pick<Floors, 'server'>) | undefined
}

export interface RelayRegistration {
  /** A new UUID for each start and after each lost lease. */
  readonly relayId: string
  readonly host: string
  /** Schema version this relay was written for. */
  readonly schemaVersion: number
}

/** What a relay knows after a rebalance. */
export interface Rebalance {
  /** All lanes that now belong to this relay, the newly claimed ones included. */
  readonly owned: readonly ClaimedLane[]
  /** How many lanes the relay should give up, at its next batch boundary, so that others get their share. */
  readonly surplus: number
  readonly liveRelays: number
  readonly meta: OutboxMeta
  /** Whether no relay has seen the schema in this cluster before. */
  readonly isElsewhere: boolean
}

/**
 * Where to look in one lane. `base`, `low` and `pos` are hints, see `bounds.ts`: a wrong one may delay a
 * record until the next sweep and never loses it.
 */
export interface LaneRequest extends LaneClaim {
  /** Text of a snapshot; what it shows up to `pos` has been fetched. */
  readonly base: string
  readonly low: number
  /** `Number.MAX_SAFE_INTEGER` stands for "everything". */
  readonly pos: number
  readonly maxRecords: number
  readonly maxBytes: number
}

/** A place that is passed over: a whole exchange, or one routing key of it. */
export interface GatedRoute {
  readonly exchange: string
  /** Null stands for all routing keys. */
  readonly routingKey: string | null
}

export interface FetchRequest {
  readonly relayId: string
  readonly lanes: readonly LaneRequest[]
  /** Records for these are left in place and not returned. */
  readonly gated: readonly GatedRoute[]
  /** Whether records of keys that have a parked record are left in place. */
  readonly passBlockedKeys: boolean
}

/** A message at rest in the outbox. */
export interface OutboxRecord {
  readonly lane: number
  /** Place in the outbox; grows within a key in commit order. */
  readonly position: number
  readonly messageId: string
  readonly type: string
  readonly version: number
  readonly source: string
  readonly key: string | null
  readonly exchange: string
  readonly routingKey: string
  /** JSON object of strings. */
  readonly headers: string
  readonly contentType: string
  readonly payload: Buffer
  /** Milliseconds since 1970 by the database clock. */
  readonly createdAt: number
}

/** The records found in one lane, in order of position. */
export interface LanePage {
  readonly lane: number
  readonly records: readonly OutboxRecord[]
  /** Whether the page ended because of `maxRecords` or `maxBytes`: there may be more. */
  readonly cut: boolean
}

/** What tells whether a record may have become visible: as long as all of it stays the same, none has. */
export interface Ring {
  /**
   * Names one life of one server. With another text all that was read before is void: the server is another one
   * or was started anew, and may lack what was committed last.
   */
  readonly server: string
  /** Snapshot of the statement that has read this, as text. */
  readonly snapshot: string
  /** Value of the position sequence as read by the same statement. */
  readonly sequence: number
}

export interface FetchResult extends Ring {
  /** A page for each requested lane that still belongs to the relay with that epoch. */
  readonly pages: readonly LanePage[]
}

/** Names one record beyond doubt, also after positions were issued again by a failed-over server. */
export interface RecordReference {
  readonly lane: number
  readonly position: number
  readonly messageId: string
  /** Whether it is parked rather than in the outbox. */
  readonly isParked?: boolean
}

/** A committed write of ours. */
export interface Settlement {
  readonly removed: number
  /** As in {@link FetchResult}: with transactions of another server a transaction id cannot be compared. */
  readonly server: string
  /** Transaction id of the write; see the pair rule in `bounds.ts`. */
  readonly xid: number
}

/** A record to be moved aside, or refused again where it is parked, with its reason. */
export interface ParkRequest extends RecordReference {
  readonly reason: string
  readonly error: string
  /** How often it has been refused. */
  readonly attempts: number
  /** The wait until it is due again, by the database clock. Null: it is dead. */
  readonly retryInMs: number | null
}

/** Asks for parked records that are due to be published again. */
export interface DueRequest {
  readonly relayId: string
  readonly lanes: readonly LaneClaim[]
  /** Of the whole answer. */
  readonly maxRecords: number
  /** Of the whole answer, unless it is one record. */
  readonly maxBytes: number
  /** Records for these are passed over. */
  readonly gated: readonly GatedRoute[]
  /** Message ids of those that are on their way already. */
  readonly except: readonly string[]
  /** Whether one is due only when no earlier record of its key is parked. */
  readonly inOrder: boolean
}

export interface DueRecord {
  readonly record: OutboxRecord
  /** How often it has been refused. */
  readonly attempts: number
  /** How long it has been parked. */
  readonly ageMs: number
  /** Whether other records of its key are parked. */
  readonly isFollowed: boolean
}

export interface Backlog {
  readonly records: number
  /** False when `records` is exact. */
  readonly estimated: boolean
  readonly oldestAgeMs: number | null
  /** Records moved aside and neither replayed nor discarded yet, the dead ones included. */
  readonly parked: number
  readonly dead: number
}

/** A key with many records behind a parked one. */
export interface CrowdedKey {
  readonly lane: number
  /** Of the first of its parked records. */
  readonly messageId: string
  /** At least. */
  readonly records: number
}

/** What waits behind parked records. */
export interface BlockedKeys {
  readonly keys: number
  readonly records: number
  /** False when there may be more records than were looked at. */
  readonly isComplete: boolean
  /** The largest first, 20 at most. */
  readonly crowded: readonly CrowdedKey[]
}

/** Messages that are to be published later. */
export interface Scheduled {
  readonly records: number
  /** False when there are more. */
  readonly isExact: boolean
  /** Until the next is due; negative when it is. Null when there is none. */
  readonly nextInMs: number | null
}

export interface SampleOptions {
  readonly timeoutMs: number
  readonly signal?: AbortSignal
}

export interface LaneStatus extends LaneClaim {
  readonly owner: string | null
  readonly ownerHost: string | null
  /** False when the owner's lease has expired. */
  readonly ownerLive: boolean
}

/** What `rotate` did. */
export interface Rotation {
  /** Leaves that were emptied by TRUNCATE. */
  readonly truncated: readonly number[]
  /** How many removed records took up room in them, as the server counts. */
  readonly rows: number
  /** Ids burnt to move on from a leaf that stays small. */
  readonly burnt: number
}

/**
 * Port: the outbox as a relay sees it. Each call is one transaction of its own and needs no session state.
 * All expiry is decided by the database clock.
 */
export interface RelayStore {
  /** @throws WaybillError WAYBILL_SCHEMA_MISSING, WAYBILL_SCHEMA_TOO_OLD or WAYBILL_SCHEMA_TOO_NEW. */
  meta(): Promise<OutboxMeta>
  register(relay: RelayRegistration, leaseMs: number): Promise<void>
  /**
   * @param floors from where on what waits is counted while the lease lasts, and searched by the next owner.
   * @returns false when the lease had expired or the relay was buried; all its lanes are then lost.
   */
  renew(relayId: string, leaseMs: number, floors: Floors | null): Promise<boolean>
  /**
   * Buries relays that expired more than `graceMs` ago, and claims free lanes up to this relay's share.
   * @returns null when this relay itself is no longer registered.
   */
  rebalance(relayId: string, graceMs: number): Promise<Rebalance | null>
  /** Gives lanes back. What has changed hands since it was claimed is left alone: a call may arrive late, and twice. */
  releaseLanes(relayId: string, lanes: readonly LaneClaim[]): Promise<void>
  /** Gives all lanes back and takes the relay off the list. */
  unregister(relayId: string): Promise<void>
  /** Costs next to nothing. */
  ring(): Promise<Ring>
  fetch(request: FetchRequest): Promise<FetchResult>
  /** Removes published records, parked ones too. Right whoever does it, since they are confirmed; missing ones are no error. */
  settle(records: readonly RecordReference[]): Promise<Settlement>
  /** Moves failed records aside in one statement; those that are parked already are given their new state. */
  park(records: readonly ParkRequest[]): Promise<Settlement>
  /**
   * Parked records that are due, of the requested lanes that still belong to the relay: those that have been due for
   * longest, in order of position.
   */
  due(request: DueRequest): Promise<readonly DueRecord[]>
  /** Keys of these lanes that have a parked record, as `lane:key`. */
  blockedKeys(lanes: readonly number[]): Promise<ReadonlySet<string>>
  /** Truncates drained leaves; with `burn`, moves a quiet outbox on to its next leaf. */
  rotate(options: { readonly burn: boolean }): Promise<Rotation>
  /**
   * Empties the parts of the history of which all was written longer ago than `retentionMs`, by the database clock.
   * @returns which.
   */
  forgetHistory(options: { readonly retentionMs: number }): Promise<readonly number[]>
  /**
   * Moves scheduled records that are due into the outbox, in order of their time, if the relay owns lane 0 with that epoch.
   * None is lost or doubled, whoever dies. @returns `nextInMs` of what was there before.
   */
  moveScheduled(request: {
    readonly relayId: string
    readonly epoch: number
    readonly maxRecords: number
    readonly maxBytes: number
  }): Promise<{ readonly moved: number; readonly nextInMs: number | null }>
  scheduled(): Promise<Scheduled>
  backlog(): Promise<Backlog>
  /** Counts what waits among the first `look` records of each lane; more than `crowd` behind one key are a crowd. */
  countBlocked(options: { readonly look: number; readonly crowd: number }): Promise<BlockedKeys>
  /**
   * Counts what is stored, without weighing on the database: above 10,000 records are estimated, and no statement takes
   * longer than `timeoutMs`. @param options.signal gives it up when it aborts, where the driver can.
   */
  sample(options: SampleOptions): Promise<StoredCounts>
  lanes(): Promise<readonly LaneStatus[]>
  /** The latest first. */
  clusters(): Promise<readonly SeenCluster[]>
}
