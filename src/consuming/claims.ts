import { WaybillError } from '../errors.ts'
import { quote } from '../message/text.ts'

/** What one running consumer claims: its name at its database, and its queue at its transport. */
export interface Claim {
  readonly name: string
  readonly queue: string
  readonly database: object
  readonly transport: object
}

interface Counted {
  readonly other: string
  count: number
}

/** Running consumers of this process. By object, since neither port has a name; gone with the objects. */
const queuesByName = new WeakMap<object, Map<string, Counted>>()
const namesByQueue = new WeakMap<object, Map<string, Counted>>()

/**
 * Claims name and queue. Any number of consumers may share both, which then take turns; but one name on two queues would
 * take messages that are in both for duplicates, and two names on one queue would each miss what the other gets.
 *
 * @returns a function that gives the claim up.
 * @throws WaybillError WAYBILL_OPTION_INVALID
 */
export function claim({ name, queue, database, transport }: Claim): () => void {
  const queues = mapOf(queuesByName, database)
  const names = mapOf(namesByQueue, transport)
  refuseOther(queues.get(name), queue, {
    problem: (other) => `Consumer ${quote(name)} already runs here on the queue ${quote(other)}.`,
    wanted: 'A consumer remembers by its name what it has handled, so that name belongs to one queue.',
  })
  refuseOther(names.get(queue), name, {
    problem: (other) => `Queue ${quote(queue)} is already consumed here by consumer ${quote(other)}.`,
    wanted: 'Two consumers on one queue would each get only a part of its messages.',
  })
  const releases = [count(queues, name, queue), count(names, queue, name)]
  return () => {
    for (const release of releases.splice(0)) release()
  }
}

function mapOf(maps: WeakMap<object, Map<string, Counted>>, key: object): Map<string, Counted> {
  const known = maps.get(key) ?? new Map<string, Counted>()
  maps.set(key, known)
  return known
}

function refuseOther(
  known: Counted | undefined,
  wanted: string,
  report: { readonly problem: (other: string) => string; readonly wanted: string },
): void {
  if (known === undefined || known.other === wanted) return
  throw new WaybillError('WAYBILL_OPTION_INVALID', {
    problem: report.problem(known.other),
    wanted: report.wanted,
    remedy: 'Give each consumer a name and a queue of its own.',
  })
}

function count(map: Map<string, Counted>, key: string, other: string): () => void {
  const counted = map.get(key) ?? { other, count: 0 }
  counted.count += 1
  map.set(key, counted)
  return () => {
    counted.count -= 1
    if (counted.count === 0) map.delete(key)
  }
}
