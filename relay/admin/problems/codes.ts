/**
 * Every problem that the API answers with; a title is the same for every problem of a code. Codes are stable: branch on
 * them, never on a text, and never reuse one.
 */
export const PROBLEMS = {
  invalid_request: { status: 400, title: 'The request cannot be used as it is.' },
  malformed_body: { status: 400, title: 'The body of the request is not JSON.' },
  cursor_invalid: { status: 400, title: 'The cursor is broken, or belongs to another filter.' },
  idempotency_key_missing: { status: 400, title: 'The header Idempotency-Key is missing.' },
  token_in_query: { status: 400, title: 'A secret stood in the address of the request.' },
  unauthenticated: {
    status: 401,
    title: 'The request does not say who makes it, or the token is not known.',
  },
  forbidden: { status: 403, title: 'The role or permission for this is missing.' },
  editing_off: { status: 403, title: 'Editing messages is switched off.' },
  not_found: { status: 404, title: 'There is nothing of this name.' },
  method_not_allowed: { status: 405, title: 'This cannot be done here.' },
  not_acceptable: { status: 406, title: 'This is not to be had in a form that is accepted.' },
  state_conflict: { status: 409, title: 'This is not possible in the present state.' },
  confirmation_needed: { status: 409, title: 'The operation has a risk that must be confirmed.' },
  count_changed: { status: 409, title: 'There are more or fewer than expected.' },
  revision_conflict: { status: 412, title: 'It has changed meanwhile.' },
  body_too_large: { status: 413, title: 'The body of the request is too large.' },
  unsupported_media_type: { status: 415, title: 'The body of the request has to be JSON.' },
  idempotency_mismatch: { status: 422, title: 'The idempotency key was used for something else.' },
  precondition_required: { status: 428, title: 'The header If-Match is missing.' },
  rate_limited: { status: 429, title: 'There were too many requests.' },
  internal: { status: 500, title: 'Something went wrong here.' },
  database_unavailable: { status: 503, title: 'The database does not answer.' },
  authentication_unavailable: { status: 503, title: 'It cannot be found out who makes the request.' },
} as const

export type ProblemCode = keyof typeof PROBLEMS
