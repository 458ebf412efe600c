import { Buffer } from 'node:buffer'
import type { DeadLetterFilter, DeadLetterPayload } from '../../../src/ports.ts'
import { etagOf } from '../preconditions.ts'
import { route, type Route } from '../route.ts'
import { LETTER_QUERY, OUTBOX_QUERY, PAGE_QUERY, type LetterQuery } from '../schemas/filters.ts'
import {
  ATTEMPT_PAGE,
  DEAD_LETTER_DETAILS,
  DEAD_LETTER_PAGE,
  FAILURE_GROUP_PAGE,
  PAYLOAD,
  WAITING_PAGE,
  type PayloadView,
} from '../schemas/letters.ts'
import { LETTER_PARAMS } from '../schemas/params.ts'

/** A query of a list, taken apart. */
function parts({
  cursor,
  limit,
  ...filter
}: LetterQuery): [DeadLetterFilter, { cursor?: string | undefined; limit?: number | undefined }] {
  return [filter, { cursor, limit }]
}

const ETAG = { ETag: 'The revision, for If-Match.' }

export const LETTER_ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    path: '/failure-groups',
    operation: 'failure-groups.list',
    summary: 'Dead letters by what they failed of',
    description: 'The largest groups come first. All of a group are found by the filter of its fingerprint.',
    tag: 'Dead letters',
    needs: 'reader',
    query: LETTER_QUERY,
    answers: { 200: { description: 'A page of groups.', schema: FAILURE_GROUP_PAGE } },
    problems: ['cursor_invalid'],
    run: async ({ operations, query }) => ({ body: await operations.letters.groups(...parts(query)) }),
  }),
  route({
    method: 'GET',
    path: '/dead-letters',
    operation: 'dead-letters.list',
    summary: 'Messages that could not be handled or published',
    description: 'Those that failed last come first.',
    tag: 'Dead letters',
    needs: 'reader',
    query: LETTER_QUERY,
    answers: { 200: { description: 'A page of dead letters.', schema: DEAD_LETTER_PAGE } },
    problems: ['cursor_invalid'],
    run: async ({ operations, query }) => ({ body: await operations.letters.list(...parts(query)) }),
  }),
  route({
    method: 'GET',
    path: '/dead-letters/{id}',
    operation: 'dead-letters.show',
    summary: 'All that is known of one, its payload apart',
    tag: 'Dead letters',
    needs: 'reader',
    params: LETTER_PARAMS,
    answers: { 200: { description: 'The dead letter.', schema: DEAD_LETTER_DETAILS, headers: ETAG } },
    problems: ['not_found'],
    run: async ({ operations, params }) => {
      const letter = await operations.letters.show(params.id)
      return { body: letter, headers: { etag: etagOf(letter) } }
    },
  }),
  route({
    method: 'GET',
    path: '/dead-letters/{id}/payload',
    operation: 'dead-letters.payload',
    summary: 'What the message says',
    tag: 'Dead letters',
    needs: 'payload:read',
    params: LETTER_PARAMS,
    answers: { 200: { description: 'The payload.', schema: PAYLOAD } },
    problems: ['not_found'],
    run: async ({ operations, params }) => ({
      body: payloadView(await operations.letters.payload(params.id)),
    }),
  }),
  route({
    method: 'GET',
    path: '/dead-letters/{id}/attempts',
    operation: 'dead-letters.attempts',
    summary: 'Each time that it was tried',
    description: 'The last one comes first.',
    tag: 'Dead letters',
    needs: 'reader',
    params: LETTER_PARAMS,
    query: PAGE_QUERY,
    answers: { 200: { description: 'A page of attempts.', schema: ATTEMPT_PAGE } },
    problems: ['not_found', 'cursor_invalid'],
    run: async ({ operations, params, query }) => ({
      body: await operations.letters.attempts(params.id, query),
    }),
  }),
  route({
    method: 'GET',
    path: '/dead-letters/{id}/waiting',
    operation: 'dead-letters.waiting',
    summary: 'What waits behind it in its key',
    description: 'In the order of the key.',
    tag: 'Dead letters',
    needs: 'reader',
    params: LETTER_PARAMS,
    query: PAGE_QUERY,
    answers: { 200: { description: 'A page of messages.', schema: WAITING_PAGE } },
    problems: ['not_found', 'cursor_invalid'],
    run: async ({ operations, params, query }) => ({
      body: await operations.letters.waiting(params.id, query),
    }),
  }),
  route({
    method: 'GET',
    path: '/outbox-messages',
    operation: 'outbox-messages.list',
    summary: 'Messages that a relay keeps aside',
    description:
      'Those that the broker refused: dead, or tried again with `state=retry`. Messages that merely wait for their turn are counted, not listed.',
    tag: 'Messages',
    needs: 'reader',
    query: OUTBOX_QUERY,
    answers: { 200: { description: 'A page of dead letters of relays.', schema: DEAD_LETTER_PAGE } },
    problems: ['cursor_invalid'],
    run: async ({ operations, query }) => {
      const [filter, page] = parts(query)
      return { body: await operations.letters.list({ ...filter, direction: 'out' }, page) }
    },
  }),
]

/** As it was sent: JSON is not read and written anew, which would change large numbers. */
function payloadView({ contentType, bytes, sealed, redacted }: DeadLetterPayload): PayloadView {
  const text = bytes.toString('utf8')
  const isText = Buffer.from(text, 'utf8').equals(bytes)
  return {
    contentType,
    sealed,
    redacted,
    encoding: isText ? 'utf-8' : 'base64',
    content: isText ? text : bytes.toString('base64'),
  }
}
