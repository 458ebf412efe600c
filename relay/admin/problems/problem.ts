import { PROBLEMS, type ProblemCode } from './codes.ts'

/** A part of the request that cannot be used. */
export interface PartFault {
  readonly in: 'body' | 'query' | 'path' | 'header'
  /** A JSON pointer into that part. */
  readonly pointer: string
  readonly detail: string
}

interface ProblemReport {
  /** What it is this time, and what to do. Goes to the caller: never a secret, nor what a message says. */
  readonly detail?: string
  /** More members of the body. */
  readonly members?: Readonly<Record<string, unknown>>
  readonly headers?: Readonly<Record<string, string>>
}

/** What a request is answered with instead of what it wanted. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly code: ProblemCode
  readonly status: number
  readonly members: Readonly<Record<string, unknown>>
  readonly headers: Readonly<Record<string, string>>

  constructor(code: ProblemCode, { detail, members = {}, headers = {} }: ProblemReport = {}) {
    super(detail ?? PROBLEMS[code].title)
    this.code = code
    this.status = PROBLEMS[code].status
    this.members = members
    this.headers = headers
  }
}

export function invalidRequest(errors: readonly PartFault[]): Problem {
  return new Problem('invalid_request', {
    detail: 'See `errors` for each part that cannot be used.',
    members: { errors },
  })
}

/** The media type of RFC 9457. */
export const PROBLEM_JSON = 'application/problem+json'

/** The body of a problem. */
export function problemBody(problem: Problem, visit: { requestId: string; traceId: string | null }): object {
  return {
    type: `urn:waybill:problem:${problem.code}`,
    title: PROBLEMS[problem.code].title,
    status: problem.status,
    detail: problem.message,
    instance: `urn:uuid:${visit.requestId}`,
    code: problem.code,
    ...problem.members,
    ...(visit.traceId !== null && { trace_id: visit.traceId }),
  }
}
