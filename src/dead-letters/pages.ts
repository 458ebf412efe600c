import { checkWhole } from './checks.ts'
import { readCursor, writeCursor, type CursorScope } from './cursor.ts'
import type { Page, PageRequest } from './dead-letter.ts'
import type { Cut, Placed } from './dead-letter-store.ts'

const DEFAULT_LIMIT = 50
const MOST_ITEMS = 200

/**
 * Reads one page: one item more than is wanted, which tells whether there is another page.
 * @throws WaybillError WAYBILL_OPTION_INVALID, WAYBILL_CURSOR_INVALID
 */
export async function readPage<Item>(
  scope: CursorScope,
  request: PageRequest,
  read: (cut: Cut) => Promise<readonly Placed<Item>[]>,
): Promise<Page<Item>> {
  const { cursor, limit = DEFAULT_LIMIT } = request
  checkWhole('limit', limit, [1, MOST_ITEMS])
  const after = cursor === undefined ? null : readCursor(scope, cursor)
  const found = await read({ after, limit: limit + 1 })
  const shown = found.slice(0, limit)
  const last = shown.at(-1)
  const isCut = found.length > limit && last !== undefined
  return { items: shown.map(({ item }) => item), nextCursor: isCut ? writeCursor(scope, last.place) : null }
}
