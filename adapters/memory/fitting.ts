import type { NewRecord } from '../../src/ports.ts'

/** The first of these records, as far as they fit, and one at least. */
export function fitting<Item extends Pick<NewRecord, 'payload' | 'headers'>>(
  records: readonly Item[],
  { maxRecords, maxBytes }: { readonly maxRecords: number; readonly maxBytes: number },
): Item[] {
  let bytes = 0
  return records.slice(0, maxRecords).filter((record, index) => {
    bytes += record.payload.length + Buffer.byteLength(record.headers)
    return index === 0 || bytes <= maxBytes
  })
}
