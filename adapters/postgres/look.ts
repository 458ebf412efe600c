import type { FetchRequest, FetchResult, LaneRequest, OutboxRecord } from '../../src/ports.ts'
import { recordOf, ringOf } from './record-rows.ts'
import type { SqlExecutor, SqlText } from './sql-executor.ts'
import { look } from './statements/look.ts'

/** A fetch made small: what all lanes have in common, and how far it goes. */
interface Look {
  readonly request: FetchRequest
  readonly low: number
  readonly base: string
  /** No position above it is looked at: it ends the reach, or the leaf. */
  readonly until: number
  readonly leaf: number
  readonly most: number
  /** Of one record, so that as many as there may be do not exceed what any lane may bring. */
  readonly mostBytes: number
}

const LEAF_RUN = 2 ** 18
/** How many positions are looked through at most. Where there is more, a fetch is the better way. */
const REACH = 1000
const MOST_RECORDS = 100

/**
 * The quick way for a relay that has seen everything and waits for the next few records: the whole fetch costs several
 * times as much to plan as to run.
 *
 * A look reads what is above `low` and was not visible at `base`, up to a position in the leaf of `low`. It tells what
 * the fetch would tell if the sequence had not passed that position, since then nothing visible lies above it; if no
 * transaction that was open at `base` has left a record below `low`, where nothing else can be; and if all records found
 * room. Otherwise it is void, and the fetch is made.
 *
 * @returns null when the request does not allow a look, or its answer is void.
 */
export function createLooking(
  database: SqlExecutor,
  schema: string,
): (request: FetchRequest) => Promise<FetchResult | null> {
  return async (request) => {
    const planned = planLook(request)
    if (planned === null) return null
    const { leaf, low, until, base, most, mostBytes } = planned
    const open = !base.endsWith(':')
    const text = look(schema, { leaf, blockedKeys: request.passBlockedKeys, open })
    const lanes = request.lanes.map(({ lane }) => lane)
    const rows = await database.query(text, [request.relayId, lanes, low, until, base, most, mostBytes])
    return readLook(planned, rows)
  }
}

/** Only for lanes that the same fetch has seen up to now, as all those of an idle relay. */
function planLook(request: FetchRequest): Look | null {
  const { lanes, gated } = request
  const [first] = lanes
  if (first === undefined || gated.length > 0) return null
  const { base, low, pos } = first
  if (low === 0 || pos !== Number.MAX_SAFE_INTEGER) return null
  if (!lanes.every((lane) => lane.base === base && lane.low === low && lane.pos === pos)) return null
  const most = lanes.reduce((least, { maxRecords }) => Math.min(least, maxRecords), MOST_RECORDS)
  const run = Math.floor((low + 1) / LEAF_RUN)
  return {
    request,
    low,
    base,
    until: Math.min(low + REACH, (run + 1) * LEAF_RUN - 1),
    leaf: run % 4,
    most,
    mostBytes: Math.floor(
      lanes.reduce((least, { maxBytes }) => Math.min(least, maxBytes), first.maxBytes) / most,
    ),
  }
}

function readLook(planned: Look, rows: readonly (readonly SqlText[])[]): FetchResult | null {
  const head = rows[0]?.slice(13) ?? []
  const ring = ringOf(head)
  const records = new Map(planned.request.lanes.map(({ lane }) => [lane, [] as OutboxRecord[]]))
  let found = 0
  for (const row of rows) {
    if (row[1] === null) continue
    if (row[11] === null) return null
    found += 1
    const lane = Number(row[0])
    records.get(lane)?.push(recordOf(row, lane))
  }
  if (found >= planned.most || ring.sequence > planned.until || head[4] !== 'f') return null
  const pages = planned.request.lanes
    .filter((lane) => owns(head[3] ?? '', lane))
    .map(({ lane }) => ({ lane, records: records.get(lane) ?? [], cut: false }))
  return { ...ring, pages }
}

/** @param list an array of composites, as PostgreSQL writes it. */
function owns(list: string, { lane, epoch }: LaneRequest): boolean {
  return list.includes(`"(${String(lane)},${String(epoch)})"`)
}
