/**
 * Where records are, from the columns `lane`, `id` and `message_id` of `named`: all its columns, `place` (the ctid) and
 * `leaf` (the table). Those that are not there any more, or are others by their message id, are left out.
 *
 * Index: `(lane, id)` of the one leaf that each position belongs to, which the comparison with the partition key picks.
 * Each record is looked up by a sub-select with an order and a limit of its own, as nothing else holds the planner to
 * that index: a leaf that was vacuumed while little of it was visible (one huge transaction, or an old snapshot) counts
 * as almost empty, and then a join walks the whole index for each record, as that looks as cheap.
 */
export function places(schema: string, named: string): string {
  return `
  select n.*, o.place, o.leaf
  from ${named} as n cross join lateral (
    select o.ctid as place, o.tableoid as leaf, o.message_id
    from ${schema}.outbox as o
    where o.lane = n.lane and o.id >= n.id and o.id <= n.id and ((o.id >> 18) & 3) = ((n.id >> 18) & 3)
    order by o.id
    limit 1
  ) as o
  where o.message_id = n.message_id`
}

/** Whether `o` is the record at the place of `f`. */
export const AT_PLACE = 'o.ctid = f.place and o.tableoid = f.leaf and ((o.id >> 18) & 3) = ((f.id >> 18) & 3)'
