import { Type, type TSchema } from 'typebox'
import { PROBLEMS } from '../problems/codes.ts'
import { named, oneOf } from '../schemas/describe.ts'

const FAULT = Type.Object({
  in: oneOf(['body', 'query', 'path', 'header'], 'Which part of the request.'),
  pointer: Type.String({ description: 'A JSON pointer into that part.' }),
  detail: Type.String({ description: 'What is wrong with it.' }),
})

/** A problem of RFC 9457; open, since a problem may have more members. */
export const PROBLEM_SCHEMA: TSchema = named(
  'Problem',
  Type.Object(
    {
      type: Type.String({ format: 'uri', description: 'The code as a URI.' }),
      title: Type.String({ description: 'The same for all problems of a code.' }),
      status: Type.Integer({ description: 'The status of the answer.' }),
      detail: Type.String({ description: 'What it is this time, and what to do.' }),
      instance: Type.String({ format: 'uri', description: 'The id of the request as a URI.' }),
      code: oneOf(Object.keys(PROBLEMS), 'Stable: branch on it.'),
      trace_id: Type.Optional(Type.String({ description: 'Of the header `traceparent` of the request.' })),
      errors: Type.Optional(Type.Array(FAULT, { description: 'Of `invalid_request`: each part.' })),
      confirmations: Type.Optional(
        Type.Array(Type.String(), { description: 'Of `confirmation_needed`: what to send in `confirm`.' }),
      ),
      count: Type.Optional(Type.Integer({ description: 'Of `count_changed`: the new number.' })),
      bulk_id: Type.Optional(
        Type.String({ description: 'Of `state_conflict`: the operation that is under way.' }),
      ),
    },
    { description: 'A problem of RFC 9457.' },
  ),
)
