const LEAVES = [0, 1, 2, 3]

/**
 * Each leaf is read by a select of its own, with an order that one index has and a limit: the planner takes a leaf that
 * was vacuumed while little of it was visible for almost empty, and over all leaves together it would then rather read
 * and sort all that there is.
 */
export function ofEachLeaf(schema: string, select: (leaf: string) => string): string {
  return LEAVES.map((leaf) => `(${select(`${schema}.outbox_${String(leaf)}`)})`).join(' union all ')
}

/** Records of the transaction `ended.xid`, at most as many of each leaf. */
export function writtenBy(schema: string, { columns, limit }: { columns: string; limit: number }): string {
  return ofEachLeaf(
    schema,
    (leaf) => `
      select ${columns}
      from ${leaf} as o
      where (o.xid, o.lane, o.id) >= (ended.xid, 0::smallint, 0::bigint)
        and (o.xid, o.lane, o.id) <= (ended.xid, 32767::smallint, 0::bigint)
      order by o.xid, o.lane, o.id
      limit ${String(limit)}`,
  )
}
