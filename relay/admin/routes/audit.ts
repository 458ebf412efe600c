import type { AuditEvent, AuditFilter, AuditOperations } from '../../../src/ports.ts'
import { CSV, csvRow, NDJSON } from '../tables.ts'
import { route, type Route } from '../route.ts'
import { AUDIT_QUERY } from '../schemas/filters.ts'
import { AUDIT_PAGE } from '../schemas/views.ts'
import { toWire } from '../wire.ts'

export const AUDIT_ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    path: '/audit-events',
    operation: 'audit-events.list',
    summary: 'Who did what',
    description: `The last one comes first. With \`Accept: ${NDJSON}\` or \`${CSV}\` all that the filter finds come as one stream, whatever the limit.`,
    tag: 'Audit',
    needs: 'operator',
    query: AUDIT_QUERY,
    answers: { 200: { description: 'A page of audit events.', schema: AUDIT_PAGE } },
    otherForms: [NDJSON, CSV],
    problems: ['cursor_invalid', 'not_acceptable'],
    run: async ({ operations: { audit }, query: { cursor, limit, ...filter }, accepts }) => {
      if (accepts === NDJSON) return { stream: ndjson(await allOf(audit, filter, cursor)) }
      if (accepts === CSV) return { stream: csv(await allOf(audit, filter, cursor)) }
      return { body: await audit.list(filter, { cursor, limit }) }
    },
  }),
]

const PAGE = 200

/** All that a filter finds. The first page is there before the answer begins, so that an error can still be told. */
async function allOf(
  audit: AuditOperations,
  filter: AuditFilter,
  cursor: string | undefined,
): Promise<AsyncIterable<AuditEvent>> {
  const first = await audit.list(filter, { cursor, limit: PAGE })
  return (async function* () {
    let page = first
    yield* page.items
    while (page.nextCursor !== null) {
      page = await audit.list(filter, { cursor: page.nextCursor, limit: PAGE })
      yield* page.items
    }
  })()
}

async function* ndjson(events: AsyncIterable<AuditEvent>): AsyncGenerator<string> {
  for await (const event of events) yield `${JSON.stringify(toWire(event))}\n`
}

const COLUMNS = [
  ...(['id', 'at', 'actor', 'roles', 'via', 'address', 'requestId', 'traceId'] as const),
  ...(['action', 'target', 'outcome', 'reason', 'details'] as const),
]

async function* csv(events: AsyncIterable<AuditEvent>): AsyncGenerator<string> {
  yield csvRow(COLUMNS.map((column) => Object.keys(toWire({ [column]: null }) as object)[0]))
  for await (const event of events) yield csvRow(COLUMNS.map((column) => cellOf(event[column])))
}

function cellOf(value: AuditEvent[(typeof COLUMNS)[number]]): string | number | null {
  if (value instanceof Date) return value.toISOString()
  if (Array.isArray(value)) return value.join(' ')
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : value
}
