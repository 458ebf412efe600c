import type { FetchRequest, FetchResult, LaneRequest, OutboxRecord, Ring } from '../../src/ports.ts'
import type { SqlText } from './sql-executor.ts'
import { gatedValues } from './statements/gated.ts'

type Row = readonly SqlText[]

interface OpenPage {
  readonly lane: number
  readonly records: OutboxRecord[]
  cut: boolean
}

/** The parameters of the `fetch` statement. */
export function fetchValues(request: FetchRequest): unknown[] {
  const lanes = request.lanes
  const values: unknown[] = [
    request.relayId,
    lanes.map(({ lane }) => lane),
    lanes.map(({ epoch }) => epoch),
    lanes.map(({ base }) => base),
    lanes.map(({ low }) => low),
    lanes.map(({ pos }) => pos),
    lanes.map(({ maxRecords }) => maxRecords),
    lanes.map(({ maxBytes }) => maxBytes),
    lanes.reduce((most, { maxRecords }) => Math.max(most, maxRecords), 1),
  ]
  return request.gated.length === 0 ? values : [...values, ...gatedValues(request.gated)]
}

/** Reads the rows of the `fetch` statement. */
export function fetchResult(rows: readonly Row[], lanes: readonly LaneRequest[]): FetchResult {
  const wanted = new Map(lanes.map((request) => [request.lane, request]))
  const pages = new Map<number, OpenPage>()
  let ring = ringOf([])
  for (const row of rows) {
    if (row[1] === null) ring = ringOf(row.slice(13))
    if (row[0] === null) continue
    const lane = Number(row[0])
    let page = pages.get(lane)
    if (page === undefined) pages.set(lane, (page = { lane, records: [], cut: false }))
    if (row[1] === null) continue
    if (row[11] === null) page.cut = true
    else page.records.push(recordOf(row, lane))
  }
  for (const page of pages.values()) {
    const full = page.records.length >= (wanted.get(page.lane)?.maxRecords ?? 0)
    page.cut ||= full
    inOrder(page.records)
  }
  return { ...ring, pages: [...pages.values()] }
}

/** Snapshot, sequence and server. */
export function ringOf([snapshot, sequence, server]: Row): Ring {
  return { snapshot: snapshot ?? '', sequence: Number(sequence), server: server ?? '' }
}

/** The first columns of a row, from position to time of creation. */
export function recordOf(row: Row, lane: number): OutboxRecord {
  return {
    lane,
    position: Number(row[1]),
    messageId: row[2] ?? '',
    type: row[3] ?? '',
    version: Number(row[4]),
    source: row[5] ?? '',
    key: row[6] ?? null,
    exchange: row[7] ?? '',
    routingKey: row[8] ?? '',
    headers: row[9] ?? '',
    contentType: row[10] ?? '',
    payload: Buffer.from(row[11] ?? '', 'hex'),
    createdAt: Number(row[12]),
  }
}

/** The statement yields a lane in order, but SQL does not promise it; looking costs less than a sort on the server. */
function inOrder(records: OutboxRecord[]): void {
  let last = -1
  for (const { position } of records) {
    if (position < last) {
      records.sort((one, other) => one.position - other.position)
      return
    }
    last = position
  }
}
