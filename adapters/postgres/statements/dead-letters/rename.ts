/** Whether an instance of consumers `$1` runs. */
export function isRunning(schema: string): string {
  const live = (table: string): string =>
    `exists (select from ${schema}.${table} where consumer = any ($1::text[]) and expires_at > pg_catalog.clock_timestamp())`
  return `select ${live('consumer_instance')} or ${live('partition_member')}`
}

const TABLES = ['inbox_retention', 'partition_plan', 'failure', 'inbox'] as const

/** Whether anything is kept of consumer `$1`. No index for its entries in the inbox. */
export function isKnown(schema: string): string {
  const kept = TABLES.map((table) => `exists (select from ${schema}.${table} where consumer = $1::text)`)
  const paused = `exists (select from ${schema}.pause where kind = 'consumer' and name = $1::text)`
  return `select ${[paused, ...kept].join(' or ')}`
}

/** What has to be said of consumer `$1` under the name `$2`, one statement after the other. */
export function renameConsumer(schema: string): readonly string[] {
  const update = (table: string): string =>
    `update ${schema}.${table} set consumer = $2::text where consumer = $1::text`
  return [
    `delete from ${schema}.consumer_instance where consumer in ($1::text, $2::text)`,
    `delete from ${schema}.consumed_type where consumer = $2::text and $1::text is not null`,
    `delete from ${schema}.partition_member where consumer in ($1::text, $2::text)`,
    `insert into ${schema}.partition_plan (consumer, queue, partitions, prefetch)
select $2::text, queue, partitions, prefetch from ${schema}.partition_plan where consumer = $1::text`,
    update('partition'),
    `delete from ${schema}.partition_plan where consumer = $1::text and $2::text is not null`,
    ...['inbox_retention', 'consumed_type', 'inbox', 'failure'].map(update),
    `update ${schema}.pause set name = $2::text where kind = 'consumer' and name = $1::text`,
    `update ${schema}.bulk_operation set consumers = pg_catalog.array_replace(consumers, $1::text, $2::text)
where consumers @> array[$1::text]`,
  ]
}
