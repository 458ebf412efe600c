/**
 * Makes the plan of consumer `$1` with queue `$2`, `$3` partitions and prefetch `$4`, or finds the one that is there; its
 * prefetch is raised if nobody is on the list. Row: queue, partitions, prefetch.
 * Locks: the row. Index: primary key.
 */
export function planPartitions(schema: string): string {
  return `
insert into ${schema}.partition_plan as p (consumer, queue, partitions, prefetch)
values ($1::text, $2::text, $3::smallint, $4::integer)
on conflict (consumer) do update set prefetch = case
  when exists (select from ${schema}.partition_member as m where m.consumer = $1::text) then p.prefetch
  else greatest(p.prefetch, excluded.prefetch)
end
returning queue, partitions, prefetch`
}
