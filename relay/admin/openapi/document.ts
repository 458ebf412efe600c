import type { TSchema } from 'typebox'
import { PROBLEMS, type ProblemCode } from '../problems/codes.ts'
import { TAGS, type Route } from '../route.ts'
import { componentsOf, written } from './components.ts'
import { parametersOf } from './parameters.ts'
import { PROBLEM_SCHEMA } from './problem-schema.ts'

type Json = Readonly<Record<string, unknown>>

/** What every request can meet. */
const COMMON: readonly ProblemCode[] = [
  'invalid_request',
  'token_in_query',
  'unauthenticated',
  'forbidden',
  'rate_limited',
  'internal',
  'database_unavailable',
  'authentication_unavailable',
]
/** What every change can meet. */
const OF_CHANGES: readonly ProblemCode[] = [
  'malformed_body',
  'idempotency_key_missing',
  'body_too_large',
  'unsupported_media_type',
]

const INFO = {
  title: 'Waybill admin API',
  version: '1',
  license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
  description:
    'Looks at messages that could not be handled or published, and repairs them. Every change needs an `Idempotency-Key`; ' +
    'every error is a problem of RFC 9457 with a stable `code`.',
}

/** The OpenAPI document of these routes, made of the very schemas that requests are checked against. */
export function openApiDocument(routes: readonly Route[], basePath: string): Json {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const route of routes) {
    const path = (paths[route.path] ??= {})
    path[route.method.toLowerCase()] = operationOf(route)
  }
  return {
    openapi: '3.1.0',
    info: INFO,
    servers: [{ url: basePath, description: 'Where the API is mounted.' }],
    security: [{ bearer: [] }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'A token or a JSON Web Token.' },
      },
      headers: Object.fromEntries(Object.entries(COMMON_HEADERS).map(headerOf)),
      responses: Object.assign({}, ...routes.map(problemsIn)) as Json,
      schemas: componentsOf([...routes.flatMap(schemasOf), PROBLEM_SCHEMA]),
    },
  }
}

function schemasOf({ query, body, params, answers }: Route): TSchema[] {
  const own = [query, body, params].filter((schema) => schema !== undefined)
  return [...own, ...Object.values(answers).map(({ schema }) => schema)]
}

function operationOf(route: Route): Json {
  const { operation, summary, description = '', tag, needs, body } = route
  const parameters = parametersOf(route)
  return {
    operationId: operation,
    summary,
    description: [description, `Needs \`${needs}\`.`].filter((part) => part !== '').join(' '),
    tags: [tag],
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && { requestBody: { required: hasNeeded(body), content: json(body) } }),
    responses: { ...answersOf(route), ...refsOfProblems(route) },
  }
}

function hasNeeded(schema: TSchema): boolean {
  return ((schema as { required?: readonly string[] }).required ?? []).length > 0
}

function json(schema: TSchema, type = 'application/json'): Json {
  return { [type]: { schema: written(schema) } }
}

function answersOf({ answers, otherForms = [] }: Route): Json {
  const others = Object.fromEntries(otherForms.map((type) => [type, { schema: { type: 'string' } }]))
  return Object.fromEntries(
    Object.entries(answers).map(([status, { description, schema, headers = {} }]) => [
      status,
      {
        description,
        headers: { ...Object.fromEntries(Object.entries(headers).map(headerOf)), ...REFS_OF_HEADERS },
        content: { ...json(schema), ...others },
      },
    ]),
  )
}

const COMMON_HEADERS = {
  'X-Request-Id': 'Names the request in audit events and logs.',
  RateLimit: 'How many requests are left in this minute.',
}

function headerOf([name, description]: [string, string]): [string, Json] {
  return [name, { description, schema: { type: 'string' } }]
}

const REFS_OF_HEADERS = Object.fromEntries(
  Object.keys(COMMON_HEADERS).map((name) => [name, { $ref: `#/components/headers/${name}` }]),
)

/** The codes of the problems of a route, by status. */
function problemsOf({ method, problems = [] }: Route): (readonly [number, readonly ProblemCode[]])[] {
  const codes = [...COMMON, ...(method === 'POST' ? OF_CHANGES : []), ...problems]
  const statuses = [...new Set(codes.map((code) => PROBLEMS[code].status))].sort((a, b) => a - b)
  return statuses.map((status) => [status, codes.filter((code) => PROBLEMS[code].status === status)])
}

function refsOfProblems(route: Route): Json {
  const refs = problemsOf(route).map(([status, codes]) => [
    status,
    { $ref: `#/components/responses/${codes.join('.')}` },
  ])
  return Object.fromEntries(refs) as Json
}

/** Many routes share these; each is named by its codes. */
function problemsIn(route: Route): Json {
  const responses = problemsOf(route).map(([, codes]) => {
    const description = codes.map((code) => `\`${code}\`: ${PROBLEMS[code].title}`).join(' ')
    const content = json(PROBLEM_SCHEMA, 'application/problem+json')
    return [codes.join('.'), { description, headers: REFS_OF_HEADERS, content }]
  })
  return Object.fromEntries(responses) as Json
}
