import type { ClaimedLane, RelayStore } from '../../src/ports.ts'
import { identifier } from './identifier.ts'
import type { MetaReader } from './meta.ts'
import type { SqlPool, SqlRows } from './sql-executor.ts'
import { bury } from './statements/bury.ts'
import { claim, LOCK_REBALANCE } from './statements/claim.ts'
import { noteCluster } from './statements/cluster.ts'
import { share } from './statements/share.ts'

export interface RebalancerParts {
  readonly pool: SqlPool
  readonly schema: string
  readonly readMeta: MetaReader
}

/** One short transaction at a time over the whole installation; it never waits for a relay that renews for long. */
export function createRebalancer({ pool, schema, readMeta }: RebalancerParts): RelayStore['rebalance'] {
  const quoted = identifier(schema)
  const lockName = `waybill rebalance ${schema}`
  return (relayId, graceMs) =>
    pool.transaction(async (executor) => {
      await executor.query(LOCK_REBALANCE, [lockName])
      await executor.query(bury(quoted), [graceMs])
      const [own] = await executor.query(share(quoted), [relayId])
      if (own === undefined) return null
      const [live, lanes] = own.map(Number) as [number, number]
      const rows = await executor.query(claim(quoted), [relayId, lanes])
      const meta = await readMeta(executor, { check: false })
      const { systemIdentifier, timeline } = meta.cluster
      const noted = await executor.query(noteCluster(quoted), [systemIdentifier, timeline])
      return {
        owned: rows.map(claimedLane),
        surplus: Math.max(rows.length - lanes, 0),
        liveRelays: live,
        meta,
        isElsewhere: noted.length === 1,
      }
    })
}

function claimedLane([lane, epoch, position, base, server]: SqlRows[number]): ClaimedLane {
  const isKnown = typeof position === 'string' && typeof base === 'string' && typeof server === 'string'
  const claimed = { lane: Number(lane), epoch: Number(epoch) }
  return isKnown ? { ...claimed, left: { position: Number(position), base, server } } : claimed
}
