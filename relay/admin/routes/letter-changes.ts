import { Buffer } from 'node:buffer'
import type { Confirmation, DeadLetter, LetterIntent } from '../../../src/ports.ts'
import type { ProblemCode } from '../problems/codes.ts'
import { invalidRequest } from '../problems/problem.ts'
import { etagOf } from '../preconditions.ts'
import { route, type Answer, type Call, type Route } from '../route.ts'
import { DISCARD_BODY, EDIT_BODY, REPLAY_BODY, type EditBody } from '../schemas/changes.ts'
import { DEAD_LETTER, LETTER_PROPERTIES } from '../schemas/letters.ts'
import { LETTER_PARAMS } from '../schemas/params.ts'
import { toWire } from '../wire.ts'

const ETAG = { ETag: 'The new revision, for If-Match.' }
const PROBLEMS: readonly ProblemCode[] = [
  'not_found',
  'state_conflict',
  'confirmation_needed',
  'revision_conflict',
  'idempotency_mismatch',
]

interface ChangeBody {
  readonly reason?: string
  readonly confirm?: readonly Confirmation[]
}

function intentOf<Body extends ChangeBody>({
  intent,
  revision,
  body,
}: Call<unknown, unknown, Body>): LetterIntent {
  return { ...intent, revision, confirm: body.confirm, reason: body.reason }
}

/** What is known of the letter after the change; its details are a request of their own. */
function changed(letter: DeadLetter, status = 200): Answer {
  const wire = Object.entries(toWire(letter) as object) as [string, unknown][]
  const body = Object.fromEntries(wire.filter(([name]) => Object.hasOwn(LETTER_PROPERTIES, name)))
  return { status, body, headers: { etag: etagOf(letter) } }
}

export const LETTER_CHANGE_ROUTES: readonly Route[] = [
  route({
    method: 'POST',
    path: '/dead-letters/{id}/replay',
    operation: 'dead-letters.replay',
    summary: 'Make it due again',
    description:
      'The same consumer handles it, or a relay publishes it; nobody else sees it again. What came of it is in its attempts.',
    tag: 'Dead letters',
    needs: 'operator',
    params: LETTER_PARAMS,
    body: REPLAY_BODY,
    ifMatch: 'taken',
    answers: { 202: { description: 'It is due.', schema: DEAD_LETTER, headers: ETAG } },
    problems: PROBLEMS,
    run: async (call) => changed(await call.operations.letters.replay(call.params.id, intentOf(call)), 202),
  }),
  route({
    method: 'POST',
    path: '/dead-letters/{id}/replay-edited',
    operation: 'dead-letters.replay-edited',
    summary: 'Replay a copy that says something else',
    description:
      'The copy has a message id of its own and the place of the original in its key; the original is kept. Off unless it was switched on.',
    tag: 'Dead letters',
    needs: 'admin',
    params: LETTER_PARAMS,
    body: EDIT_BODY,
    ifMatch: 'needed',
    answers: { 202: { description: 'The copy is due.', schema: DEAD_LETTER, headers: ETAG } },
    problems: [...PROBLEMS, 'precondition_required', 'editing_off'],
    run: async (call) => {
      const { headers } = call.body
      const payload = bytesOf(call.body)
      const intent = { ...intentOf(call), payload, headers }
      return changed(await call.operations.letters.replayEdited(call.params.id, intent), 202)
    },
  }),
  route({
    method: 'POST',
    path: '/dead-letters/{id}/discard',
    operation: 'dead-letters.discard',
    summary: 'Give it up for good',
    description: 'What waits for it in its key goes on. It can be restored for as long as it is kept.',
    tag: 'Dead letters',
    needs: 'operator',
    params: LETTER_PARAMS,
    body: DISCARD_BODY,
    ifMatch: 'needed',
    answers: { 200: { description: 'It is discarded.', schema: DEAD_LETTER, headers: ETAG } },
    problems: [...PROBLEMS, 'precondition_required'],
    run: async (call) => {
      const intent = { ...intentOf(call), reason: call.body.reason }
      return changed(await call.operations.letters.discard(call.params.id, intent))
    },
  }),
  route({
    method: 'POST',
    path: '/dead-letters/{id}/restore',
    operation: 'dead-letters.restore',
    summary: 'Take a discard back',
    tag: 'Dead letters',
    needs: 'operator',
    params: LETTER_PARAMS,
    body: REPLAY_BODY,
    ifMatch: 'taken',
    answers: { 200: { description: 'It is a dead letter again.', schema: DEAD_LETTER, headers: ETAG } },
    problems: PROBLEMS,
    run: async (call) => changed(await call.operations.letters.restore(call.params.id, intentOf(call))),
  }),
]

function bytesOf({ content, encoding = 'utf-8' }: EditBody): Buffer {
  if (encoding === 'utf-8') return Buffer.from(content, 'utf8')
  const bytes = Buffer.from(content, 'base64')
  // Node passes over what is not base64, and half a message would be replayed.
  if (bytes.toString('base64') === content) return bytes
  throw invalidRequest([{ in: 'body', pointer: '/content', detail: 'This must be base64 with its padding.' }])
}
