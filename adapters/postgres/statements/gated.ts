import type { GatedRoute } from '../../../src/ports.ts'

/** That the record `alias` goes elsewhere than to these: parameter `from` is exchanges, the next two pairs with routing keys. */
export function notGated(alias: string, from: number): string {
  const [exchanges, pairs, keys] = [from, from + 1, from + 2].map((place) => `$${String(place)}::text[]`)
  return `${alias}.exchange <> all (${String(exchanges)})
          and (${alias}.exchange, ${alias}.routing_key) not in (select * from unnest(${String(pairs)}, ${String(keys)}))`
}

/** The three parameters of {@link notGated}. */
export function gatedValues(gated: readonly GatedRoute[]): unknown[] {
  const pairs = gated.filter(({ routingKey }) => routingKey !== null)
  return [
    gated.filter(({ routingKey }) => routingKey === null).map(({ exchange }) => exchange),
    pairs.map(({ exchange }) => exchange),
    pairs.map(({ routingKey }) => routingKey),
  ]
}
