import type { FetchResult, OutboxRecord } from '../../../src/ports.ts'

let count = 0

export function record(fields: Partial<OutboxRecord> = {}): OutboxRecord {
  count += 1
  return {
    lane: 0,
    position: count,
    messageId: `m${count}`,
    type: 'test',
    version: 1,
    source: 'tests',
    key: null,
    exchange: 'tests.events',
    routingKey: 'test',
    headers: '{}',
    contentType: 'application/json',
    payload: Buffer.from('{}'),
    createdAt: 0,
    ...fields,
  }
}

export function result(records: readonly OutboxRecord[], fields: Partial<FetchResult> = {}): FetchResult {
  return {
    server: 'a',
    snapshot: '100:100:',
    sequence: 1000,
    pages: [{ lane: 0, records, cut: false }],
    ...fields,
  }
}
