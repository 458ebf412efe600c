import type { BulkRequest, BulkSelection, Intent } from '../../../src/ports.ts'
import type { ProblemCode } from '../problems/codes.ts'
import { invalidRequest } from '../problems/problem.ts'
import { route, type Route } from '../route.ts'
import {
  BULK_BODY,
  BULK_ITEM_PAGE,
  BULK_OPERATION,
  BULK_PAGE,
  BULK_PREVIEW,
  type BulkBody,
} from '../schemas/bulk.ts'
import { REASON_BODY } from '../schemas/changes.ts'
import { PAGE_QUERY } from '../schemas/filters.ts'
import { BULK_PARAMS } from '../schemas/params.ts'

const TAG = 'Bulk operations'
const CHANGE_PROBLEMS: readonly ProblemCode[] = ['not_found', 'state_conflict', 'idempotency_mismatch']

export const BULK_ROUTES: readonly Route[] = [
  route({
    method: 'POST',
    path: '/bulk-operations',
    operation: 'bulk-operations.start',
    summary: 'Replay or discard many',
    description:
      'The choice is made now: what fails again is not taken twice. A relay does it bit by bit, at the rate that is asked for. Begin with `dry_run`, then give the number that it found as `expected_count`.',
    tag: TAG,
    needs: 'operator',
    body: BULK_BODY,
    answers: {
      200: { description: 'Of a dry run: what it would be.', schema: BULK_PREVIEW },
      202: {
        description: 'It is under way.',
        schema: BULK_OPERATION,
        headers: { Location: 'Where to look how far it is, relative to the address of the request.' },
      },
    },
    problems: ['count_changed', 'state_conflict', 'idempotency_mismatch'],
    run: async ({ operations, body, intent }) => {
      const request = requestOf(body, intent)
      if (body.dryRun === true) return { body: await operations.bulk.preview(request) }
      const bulk = await operations.bulk.start(request)
      return { status: 202, body: bulk, headers: { location: `bulk-operations/${bulk.id}` } }
    },
  }),
  route({
    method: 'GET',
    path: '/bulk-operations',
    operation: 'bulk-operations.list',
    summary: 'Bulk operations',
    description: 'The last one comes first.',
    tag: TAG,
    needs: 'reader',
    query: PAGE_QUERY,
    answers: { 200: { description: 'A page of bulk operations.', schema: BULK_PAGE } },
    problems: ['cursor_invalid'],
    run: async ({ operations, query }) => ({ body: await operations.bulk.list(query) }),
  }),
  route({
    method: 'GET',
    path: '/bulk-operations/{id}',
    operation: 'bulk-operations.show',
    summary: 'How far one is',
    tag: TAG,
    needs: 'reader',
    params: BULK_PARAMS,
    answers: { 200: { description: 'The bulk operation.', schema: BULK_OPERATION } },
    problems: ['not_found'],
    run: async ({ operations, params }) => ({ body: await operations.bulk.show(params.id) }),
  }),
  route({
    method: 'GET',
    path: '/bulk-operations/{id}/items',
    operation: 'bulk-operations.items',
    summary: 'What came of each dead letter',
    tag: TAG,
    needs: 'reader',
    params: BULK_PARAMS,
    query: PAGE_QUERY,
    answers: {
      200: { description: 'A page of dead letters with what came of them.', schema: BULK_ITEM_PAGE },
    },
    problems: ['not_found', 'cursor_invalid'],
    run: async ({ operations, params, query }) => ({ body: await operations.bulk.items(params.id, query) }),
  }),
  change('pause', 'Stop it for a while', 'It is paused.'),
  change('resume', 'Let it go on', 'It is under way.'),
  change('cancel', 'Stop it for good', 'It is cancelled. What was not done stays as it was.'),
]

function change(what: 'pause' | 'resume' | 'cancel', summary: string, description: string): Route {
  return route({
    method: 'POST',
    path: `/bulk-operations/{id}/${what}`,
    operation: `bulk-operations.${what}`,
    summary,
    tag: TAG,
    needs: 'operator',
    params: BULK_PARAMS,
    body: REASON_BODY,
    answers: { 200: { description, schema: BULK_OPERATION } },
    problems: CHANGE_PROBLEMS,
    run: async ({ operations, params, body, intent }) => ({
      body: await operations.bulk[what](params.id, { ...intent, reason: body.reason }),
    }),
  })
}

function requestOf(body: BulkBody, intent: Intent): BulkRequest {
  const { ids: _ids, filter: _filter, ...rest } = body
  return { ...rest, ...intent, reason: body.reason, selection: selectionOf(body) }
}

/** Nothing chosen is not everything chosen: an empty filter has to be written down. */
function selectionOf({ ids, filter }: BulkBody): BulkSelection {
  if (ids !== undefined && filter === undefined) return { ids }
  if (filter !== undefined && ids === undefined) return { filter }
  throw invalidRequest([{ in: 'body', pointer: '', detail: 'This must have either ids or a filter.' }])
}
