import type { FailureStore } from '../../src/ports.ts'
import { explainMissingSchema } from './error-code.ts'
import { identifier } from './identifier.ts'
import type { SqlPool } from './sql-executor.ts'
import { beat, disownFailures, leave } from './statements/claim-failures.ts'
import { buryInstances, pruneFailures, releaseForgotten } from './statements/end-failure.ts'

/** What instances say of themselves, and what is done from time to time. @param pool gives up what is not answered. */
export function upkeep(
  pool: SqlPool,
  schemaName: string,
): Pick<FailureStore<never>, 'disown' | 'beat' | 'leave' | 'releaseForgotten' | 'prune'> {
  const schema = identifier(schemaName)
  const beating = beat(schema)
  return {
    async disown({ instanceId, consumer }, tried) {
      await pool.query(disownFailures(schema), [instanceId, consumer, tried])
    },
    async beat({ consumer, instanceId, host, queue, mode, leaseMs }) {
      const values = [instanceId, consumer, queue, mode, host, leaseMs]
      const [[paused, due] = []] = await pool.query(beating, values).catch((error: unknown) => {
        throw explainMissingSchema(error, schemaName)
      })
      return { paused: paused === 't', due: due === 't' }
    },
    async leave({ instanceId, consumer }) {
      await pool.query(leave(schema), [instanceId, consumer])
    },
    async releaseForgotten(consumer) {
      const [row] = await pool.query(releaseForgotten(schema), [consumer])
      return Number(row?.[0] ?? 0)
    },
    async prune({ consumer, retentionMs, limit }) {
      await pool.query(buryInstances(schema), [consumer])
      const [row] = await pool.query(pruneFailures(schema), [consumer, retentionMs, limit])
      return Number(row?.[0] ?? 0)
    },
  }
}
