import type { TSchema } from 'typebox'
import type { DeadLetterOperations, Intent } from '../../src/ports.ts'
import type { Grant, Principal } from './auth/principal.ts'
import type { ProblemCode } from './problems/codes.ts'
import type { SchemaOf } from './schemas/describe.ts'

/** A request that was let in, its parts checked. */
export interface Call<Params, Query, Body> {
  readonly operations: DeadLetterOperations
  readonly principal: Principal
  readonly params: Params
  readonly query: Query
  readonly body: Body
  /** Who asks, and with which idempotency key. */
  readonly intent: Intent
  /** Of If-Match; undefined when the request has none. */
  readonly revision: number | undefined
  /** The media type that the answer should have, out of those that the route has. */
  readonly accepts: string
}

export interface Answer {
  /** @defaultValue `200` */
  readonly status?: number
  /** A value of the core, which becomes JSON. */
  readonly body?: unknown
  /** JSON that is written already. */
  readonly json?: string
  /** The body piece by piece, in the media type that is accepted. */
  readonly stream?: AsyncIterable<string>
  readonly headers?: Readonly<Record<string, string>>
}

/** An answer as the document describes it. */
export interface AnswerKind {
  readonly description: string
  readonly schema: TSchema
  /** Names with what they hold. */
  readonly headers?: Readonly<Record<string, string>>
}

/** What routes are sorted by in the document. */
export const TAGS = {
  'Dead letters': 'Messages that could not be handled or published.',
  'Bulk operations': 'Repairs of many dead letters, which outlive the process that does them.',
  Messages: 'Where messages are.',
  Services: 'Relays and consumers.',
  Audit: 'Who did what.',
  'This API': 'What it is, and who you are to it.',
} as const

interface RouteParts<Params, Query, Body> {
  readonly method: 'GET' | 'POST'
  /** Below /api/v1, with the names of parameters in braces. */
  readonly path: string
  /** Names it in the document and in audit events of denied attempts. */
  readonly operation: string
  readonly summary: string
  readonly description?: string
  readonly tag: keyof typeof TAGS
  readonly needs: Grant
  readonly params?: SchemaOf<Params>
  readonly query?: SchemaOf<Query>
  readonly body?: SchemaOf<Body>
  readonly ifMatch?: 'needed' | 'taken'
  /** By status. */
  readonly answers: Readonly<Record<number, AnswerKind>>
  /** Media types of other forms of the answer. */
  readonly otherForms?: readonly string[]
  /** Beyond those that every request can meet. */
  readonly problems?: readonly ProblemCode[]
  readonly run: (call: Call<Params, Query, Body>) => Promise<Answer>
}

/** One thing that can be asked for: all that serving it and describing it needs. */
export type Route = RouteParts<unknown, unknown, unknown>

/** A part that has no schema is not there, and its type is undefined. */
export function route<Params = undefined, Query = undefined, Body = undefined>(
  parts: RouteParts<Params, Query, Body>,
): Route {
  // The parts of a call are checked against the schemas above before `run` is called.
  return parts as unknown as Route
}
