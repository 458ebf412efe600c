import { definitionOf, exchangeOf, type Catalogue } from '../message/catalogue.ts'
import type { QueueTopology } from '../transport/transport.ts'

/**
 * The queue and its bindings: one for each handled type.
 * @throws WaybillError WAYBILL_EXCHANGE_UNKNOWN when the catalogue does not tell the exchange of a type.
 */
export function topologyOf(catalogue: Catalogue, types: readonly string[], queue: string): QueueTopology {
  const bindings = new Map<string, { readonly exchange: string; readonly routingKey: string }>()
  for (const type of types) {
    const definition = definitionOf(catalogue, type)
    const binding = { exchange: exchangeOf(definition), routingKey: definition.routingKey }
    bindings.set(JSON.stringify(binding), binding)
  }
  return { queue, bindings: [...bindings.values()] }
}
