/**
 * Whether the key of the record `o` waits for a parked record, as a condition.
 * The offset keeps it one look into `parked_blocked` for each record; it would become a hash of all that is parked.
 */
export function keyIsParked(schema: string): string {
  return `exists (
              select from ${schema}.parked as p
              where p.lane = o.lane and p.key = o.key and p.state <> 'discarded'
              offset 0
            )`
}
