import type { RelayStore, Rotation } from '../../src/ports.ts'
import { isLockTimeout } from './error-code.ts'
import type { SqlExecutor, SqlPool } from './sql-executor.ts'
import {
  burn,
  leafIsEmpty,
  leaves,
  lockLeaf,
  removedFrom,
  SHORT_LOCK_TIMEOUT,
  truncateLeaf,
} from './statements/rotation.ts'

/** Positions drawn by one statement, so that no transaction gets long. */
const BURN_BATCH = 16_384
/** Positions of one turn of a leaf; a guard, since writers draw at the same time. */
const LEAF_RUN = 262_144

export interface RotatorParts {
  readonly pool: SqlPool
  readonly database: SqlExecutor
  readonly schema: string
}

export function createRotator({ pool, database, schema }: RotatorParts): RelayStore['rotate'] {
  return async ({ burn: mayBurn }): Promise<Rotation> => {
    const { current, filled } = await lookAt(database, schema)
    const truncated: number[] = []
    let rows = 0
    for (const leaf of [2, 3].map((ahead) => (current + ahead) % 4)) {
      if (filled[leaf] !== true) continue
      const removed = await truncateIfEmpty({ pool, database, schema }, leaf)
      if (removed === null) continue
      truncated.push(leaf)
      rows += removed
    }
    const worthwhile = mayBurn && filled[current] === true
    return { truncated, rows, burnt: worthwhile ? await burnTo(database, { schema, leaf: current }) : 0 }
  }
}

async function lookAt(
  database: SqlExecutor,
  schema: string,
): Promise<{ readonly current: number; readonly filled: readonly boolean[] }> {
  const [row = []] = await database.query(leaves(schema))
  const [current, ...filled] = row
  return { current: Number(current), filled: filled.map((value) => value === 't') }
}

/**
 * Empties a leaf without a record. Looks before it locks, to disturb nobody, and again under the lock.
 * @returns how many removed records were in it; null when it was left as it is
 */
async function truncateIfEmpty(
  { pool, database, schema }: RotatorParts,
  leaf: number,
): Promise<number | null> {
  if (!(await isEmpty(database, { schema, leaf }))) return null
  try {
    return await pool.transaction(async (executor) => {
      await executor.query(SHORT_LOCK_TIMEOUT)
      await executor.query(lockLeaf(schema, leaf))
      if (!(await isEmpty(executor, { schema, leaf }))) return null
      const [row] = await executor.query(removedFrom(schema, leaf))
      await executor.query(truncateLeaf(schema, leaf))
      return Number(row?.[0])
    })
  } catch (error) {
    if (isLockTimeout(error)) return null
    throw error
  }
}

interface Leaf {
  readonly schema: string
  readonly leaf: number
}

async function isEmpty(executor: SqlExecutor, { schema, leaf }: Leaf): Promise<boolean> {
  const rows = await executor.query(leafIsEmpty(schema, leaf))
  return rows[0]?.[0] === 't'
}

async function burnTo(database: SqlExecutor, { schema, leaf }: Leaf): Promise<number> {
  let burnt = 0
  while (burnt < LEAF_RUN) {
    const rows = await database.query(burn(schema), [BURN_BATCH, leaf])
    const drawn = Number(rows[0]?.[0])
    if (drawn === 0) break
    burnt += drawn
  }
  return burnt
}
