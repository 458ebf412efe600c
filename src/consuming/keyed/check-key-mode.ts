import { WaybillError, type ErrorReport } from '../../errors.ts'
import { definitionOf, type Catalogue } from '../../message/catalogue.ts'
import { SLOT_COUNT } from '../../message/slot.ts'
import { quote } from '../../message/text.ts'

type Options = Readonly<Record<string, unknown>>

/** Options that say nothing in the other mode. */
const OF_MODE: Readonly<Record<string, readonly string[]>> = {
  unordered: ['batch', 'lingerMs'],
  key: ['partitions', 'partitionLeaseMs'],
}
const MODES: readonly unknown[] = ['unordered', 'key']
const UNKNOWN_TYPES: readonly unknown[] = ['ignore', 'dead', 'retry']

/**
 * Checks what depends on the mode of a consumer.
 * @throws WaybillError WAYBILL_OPTION_INVALID
 */
export function checkMode(options: Options): void {
  const { mode = 'unordered', onUnknownType, partitions } = options
  if (!MODES.includes(mode)) {
    return refuse({
      problem: 'Option mode of createConsumer cannot be used.',
      wanted: 'Wanted is "unordered" or "key".',
    })
  }
  if (onUnknownType !== undefined && !UNKNOWN_TYPES.includes(onUnknownType)) {
    refuse({
      problem: 'Option onUnknownType of createConsumer cannot be used.',
      wanted: `Wanted is "${UNKNOWN_TYPES.join('", "')}".`,
    })
  }
  const other = mode === 'key' ? 'unordered' : 'key'
  refuseOf(other, options)
  if (mode === 'unordered') return
  if (partitions !== undefined && !(typeof partitions === 'number' && SLOT_COUNT % partitions === 0)) {
    refuse({
      problem: 'Option partitions of createConsumer does not divide the 64 slots of keys evenly.',
      wanted: 'Wanted is 1, 2, 4, 8, 16, 32 or 64.',
    })
  }
  checkPartitioned(options['messages'] as Catalogue, Object.keys(options['handlers'] as object))
}

/** How many handlers can have a connection at a time: in mode `key` the lease on the partitions needs one. */
export function roomForHandlers(
  mode: string | undefined,
  connections: number = Number.POSITIVE_INFINITY,
): number {
  return mode === 'key' ? connections - 1 : connections
}

/**
 * Behind handlers that take long, the lease would be renewed too late, again and again.
 * @throws WaybillError WAYBILL_OPTION_INVALID
 */
export function checkRoom(concurrency: number, room: number): void {
  if (concurrency <= room) return
  refuse({
    problem: `Option concurrency of createConsumer is ${String(concurrency)}, and its database has ${String(room + 1)} connections.`,
    wanted:
      'In mode "key" one of them is for the lease on the partitions, which handlers would keep waiting.',
    remedy: `Give the pool at least ${String(concurrency + 1)} connections (its option max), or lower concurrency.`,
  })
}

function refuseOf(other: string, options: Options): void {
  const name = OF_MODE[other]?.find((each) => options[each] !== undefined)
  if (name === undefined) return
  refuse({
    problem: `Option ${name} of createConsumer says nothing outside mode ${quote(other)}.`,
    remedy: `Leave it out, or set mode: '${other}'.`,
  })
}

/** Other types are published without a slot: none of their messages would ever arrive. */
function checkPartitioned(messages: Catalogue, types: readonly string[]): void {
  const type = types.find((each) => !definitionOf(messages, each).partitioned)
  if (type === undefined) return
  refuse({
    problem: `Message type ${quote(type)} is not partitioned, so a consumer in mode "key" cannot handle it.`,
    remedy:
      'Define it as messageType({ partitioned: true, … }) and deploy that to the services that write it first, or handle it in a consumer of mode "unordered".',
  })
}

function refuse(report: ErrorReport): never {
  throw new WaybillError('WAYBILL_OPTION_INVALID', report)
}
