import { checkNames, type QueueTopology } from '../../src/ports.ts'
import { DEFAULT_DELIVERY_LIMIT } from './options.ts'
import { planTopology, type QueueArguments, type TopologyStep } from './topology.ts'

/** What services need in a broker. */
export interface DefinitionsRequest {
  /** The queues of consumers, such as `consumerTopology` gives. */
  readonly queues?: readonly QueueTopology[]
  /** The exchanges that relays publish to, beyond those that the queues are bound to. */
  readonly exchanges?: readonly string[]
  /** @defaultValue `/` */
  readonly vhost?: string
  /** As in the options of `rabbitmq`. @defaultValue `20` */
  readonly deliveryLimit?: number
}

/** What `rabbitmqctl import_definitions` and the management API take, as far as it is used here. */
export interface BrokerDefinitions {
  readonly exchanges: readonly {
    readonly name: string
    readonly vhost: string
    readonly type: 'topic' | 'direct'
    readonly durable: true
    readonly auto_delete: false
    readonly internal: false
    readonly arguments: QueueArguments
  }[]
  readonly queues: readonly {
    readonly name: string
    readonly vhost: string
    readonly durable: true
    readonly auto_delete: false
    readonly arguments: QueueArguments
  }[]
  readonly bindings: readonly {
    readonly source: string
    readonly vhost: string
    readonly destination: string
    readonly destination_type: 'queue'
    readonly routing_key: string
    readonly arguments: QueueArguments
  }[]
}

const NAMES: readonly (keyof DefinitionsRequest)[] = ['queues', 'exchanges', 'vhost', 'deliveryLimit']

type Step<Kind extends TopologyStep['kind']> = Extract<TopologyStep, { readonly kind: Kind }>

/**
 * Everything that relays and consumers would declare, as one document that somebody with the rights imports, so that
 * they themselves run with `topology: 'verify'` and without those rights: a relay needs `write` on its exchanges, a
 * consumer `read` on its queue.
 *
 * @throws WaybillError WAYBILL_OPTION_INVALID for a name that no queue can have.
 */
export function topologyDefinitions(request: DefinitionsRequest): BrokerDefinitions {
  checkNames(request, 'The argument of topologyDefinitions', NAMES)
  const { queues = [], exchanges = [], vhost = '/', deliveryLimit = DEFAULT_DELIVERY_LIMIT } = request
  const published = exchanges.map((name): TopologyStep => ({
    kind: 'exchange',
    name,
    type: 'topic',
    own: false,
  }))
  const steps = [...queues.flatMap((queue) => planTopology(queue, { deliveryLimit })), ...published]
  return {
    exchanges: distinct(steps, 'exchange').map(({ name, type }) => ({
      ...{ name, vhost, type, durable: true, auto_delete: false, internal: false, arguments: {} },
    })),
    queues: distinct(steps, 'queue').map((step) => ({
      ...{ name: step.name, vhost, durable: true, auto_delete: false, arguments: step.arguments },
    })),
    bindings: distinct(steps, 'binding').map(({ exchange, queue, routingKey }) => ({
      ...{ source: exchange, vhost, destination: queue, destination_type: 'queue' },
      ...{ routing_key: routingKey, arguments: {} },
    })),
  }
}

/** Queues share exchanges, and partitions the way of their dead letters. */
function distinct<Kind extends TopologyStep['kind']>(
  steps: readonly TopologyStep[],
  kind: Kind,
): Step<Kind>[] {
  const found = new Map<string, Step<Kind>>()
  for (const step of steps) {
    if (step.kind === kind) found.set(JSON.stringify(step), step as Step<Kind>)
  }
  return [...found.values()]
}
