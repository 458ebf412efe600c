import {
  LANE_COUNT,
  type Clock,
  type LaneClaim,
  type LaneStatus,
  type RelayRegistration,
} from '../../src/ports.ts'

export interface Leases {
  register(relay: RelayRegistration, leaseMs: number): void
  renew(relayId: string, leaseMs: number): boolean
  /** Null when the relay is not registered or has expired. */
  rebalance(relayId: string, graceMs: number): Share | null
  release(relayId: string, claims: readonly LaneClaim[]): void
  unregister(relayId: string): void
  anyLive(): boolean
  owns(relayId: string, claim: LaneClaim): boolean
  lanes(): readonly LaneStatus[]
}

interface Share {
  readonly owned: readonly LaneClaim[]
  readonly fair: number
  readonly surplus: number
  readonly liveRelays: number
}

interface Relay {
  readonly host: string
  expiresAt: number
}

interface Lane {
  readonly lane: number
  owner: string | null
  epoch: number
}

/** Who may publish which lane, by the clock of the database; who may consume which partition likewise. */
export function createLeases(clock: Clock, count: number = LANE_COUNT): Leases {
  const relays = new Map<string, Relay>()
  const lanes: readonly Lane[] = Array.from({ length: count }, (_, lane) => ({
    lane,
    owner: null,
    epoch: 0,
  }))
  const isLive = (relayId: string): boolean => (relays.get(relayId)?.expiresAt ?? 0) > clock.now()
  const ownedBy = (relayId: string): Lane[] => lanes.filter((lane) => lane.owner === relayId)

  const leases: Leases = {
    register({ relayId, host }, leaseMs) {
      relays.set(relayId, { host, expiresAt: clock.now() + leaseMs })
    },
    renew(relayId, leaseMs) {
      const relay = relays.get(relayId)
      if (relay === undefined || !isLive(relayId)) return false
      relay.expiresAt = clock.now() + leaseMs
      return true
    },
    rebalance(relayId, graceMs) {
      for (const [id, relay] of relays) if (relay.expiresAt < clock.now() - graceMs) leases.unregister(id)
      if (!isLive(relayId)) return null
      const live = [...relays.keys()].filter(isLive)
      const fair = shareOf(count, live.indexOf(relayId), live.length)
      const free = lanes.filter((lane) => lane.owner === null)
      for (const lane of free.slice(0, Math.max(0, fair - ownedBy(relayId).length))) {
        lane.owner = relayId
        lane.epoch += 1
      }
      const owned = ownedBy(relayId).map(({ lane, epoch }) => ({ lane, epoch }))
      return { owned, fair, surplus: Math.max(0, owned.length - fair), liveRelays: live.length }
    },
    release(relayId, claims) {
      for (const own of ownedBy(relayId))
        if (claims.some(({ lane, epoch }) => lane === own.lane && epoch === own.epoch)) own.owner = null
    },
    unregister(relayId) {
      for (const lane of ownedBy(relayId)) lane.owner = null
      relays.delete(relayId)
    },
    anyLive: () => [...relays.keys()].some(isLive),
    owns: (relayId, claim) =>
      lanes.some(
        ({ lane, owner, epoch }) => lane === claim.lane && owner === relayId && epoch === claim.epoch,
      ),
    lanes: () =>
      lanes.map(({ lane, owner, epoch }) => ({
        lane,
        epoch,
        owner,
        ownerHost: owner === null ? null : (relays.get(owner)?.host ?? null),
        ownerLive: owner !== null && isLive(owner),
      })),
  }
  return leases
}

/** All lanes divided by the live relays, the remainder to those that came first. */
function shareOf(count: number, place: number, live: number): number {
  return Math.floor(count / live) + (place < count % live ? 1 : 0)
}
