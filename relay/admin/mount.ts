import { Type, type TSchema } from 'typebox'
import type { FastifyInstance, FastifyRequest, HTTPMethods } from 'fastify'
import type { AdminMoments, DeadLetterOperations, Logger } from '../../src/ports.ts'
import { accepted, JSON_TYPE } from './accepts.ts'
import { answerProblem, sendAnswer } from './answering.ts'
import { checkPart } from './check-part.ts'
import type { Guard } from './guard.ts'
import { idempotencyKeyOf, revisionOf } from './preconditions.ts'
import { Problem } from './problems/problem.ts'
import type { Classify } from './problems/translate.ts'
import { readAgain } from './read-again.ts'
import type { Call, Route } from './route.ts'
import { CLOSED } from './schemas/describe.ts'
import { SECURITY_HEADERS } from './security-headers.ts'
import { tellRequests } from './tell-requests.ts'
import { actorOf, identify, visitOf, type Visit } from './visit.ts'

export interface MountParts {
  readonly operations: DeadLetterOperations
  readonly guard: Guard
  readonly logger: Logger
  readonly classify: Classify | undefined
  readonly telemetry: AdminMoments
  readonly bodyLimit: number
}

/** Serves the routes in this scope of a Fastify, and touches nothing of what is around it. */
export function mountRoutes(app: FastifyInstance, routes: readonly Route[], parts: MountParts): void {
  mountSurroundings(app, parts)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    JSON_TYPE,
    { parseAs: 'string', bodyLimit: parts.bodyLimit },
    app.getDefaultJsonParser('error', 'error'),
  )
  for (const route of routes) serve(app, route, parts)
  for (const path of new Set(routes.map(urlOf))) refuseOthers(app, path, routes)
}

/** What every answer of a scope has, that there is nothing included: headers, and problems for errors. */
export function mountSurroundings(
  app: FastifyInstance,
  parts: Pick<MountParts, 'logger' | 'classify' | 'telemetry'>,
): void {
  app.addHook('onRequest', (request, reply, done) => {
    void reply.headers({ ...SECURITY_HEADERS, 'x-request-id': visitOf(request.raw).requestId })
    done()
  })
  tellRequests(app, parts.telemetry)
  app.setErrorHandler((error, request, reply) =>
    answerProblem(error, { reply, visit: visitOf(request.raw), ...parts }),
  )
  app.setNotFoundHandler(() => {
    throw new Problem('not_found', { detail: 'There is no such path.' })
  })
}

function serve(app: FastifyInstance, route: Route, parts: MountParts): void {
  const isChange = route.method === 'POST'
  app.route({
    method: route.method,
    url: urlOf(route),
    exposeHeadRoute: true,
    // Before the body is read: who may not do it need not send it.
    onRequest: async (request, reply) => {
      const visit = visitOf(request.raw)
      const { operation: action, needs } = route
      const wanted = { action, target: targetOf(route, request), needs, isChange }
      const { principal, headers } = await parts.guard(request.raw, visit, wanted)
      identify(request.raw, principal)
      void reply.headers(headers)
    },
    preParsing: (request, _reply, payload) => Promise.resolve(readAgain(request.raw, payload)),
    handler: async (request, reply) => {
      const visit = visitOf(request.raw)
      const call = callOf(route, request, { visit, parts })
      const answer = await route.run(call)
      // Who looked at what messages say is worth knowing; it changes nothing, so that no audit event tells of it.
      if (isChange || route.needs === 'payload:read') {
        const { requestId, address } = visit
        const target = targetOf(route, request)
        parts.logger.info(
          { requestId, address, actor: call.principal.name, target },
          `Done: ${route.operation}.`,
        )
      }
      return sendAnswer(reply, answer, call.accepts)
    },
  })
}

interface Surroundings {
  readonly visit: Visit
  readonly parts: MountParts
}

function callOf(
  route: Route,
  request: FastifyRequest,
  { visit, parts }: Surroundings,
): Call<unknown, unknown, unknown> {
  const { headers } = request
  if (visit.principal === null) throw new Error('A request has come in that nobody has let in.')
  const idempotency = route.method === 'POST' ? { idempotencyKey: idempotencyKeyOf(headers) } : {}
  return {
    operations: parts.operations,
    principal: visit.principal,
    params: checkPart(route.params, 'path', request.params),
    query: checkPart(route.query ?? NO_QUERY, 'query', request.query),
    body: checkPart(route.body, 'body', request.body),
    intent: { by: actorOf(visit), ...idempotency },
    revision: revisionOf(headers, route.ifMatch),
    accepts: accepted(headers.accept, route.otherForms),
  }
}

const NO_QUERY: TSchema = Type.Object({}, CLOSED)

/** As the router writes the parameters of a path. */
function urlOf({ path }: Route): string {
  return path.replaceAll(/\{(\w+)\}/g, ':$1')
}

const LONGEST_TARGET = 300

/** What a request is about, as far as its address says so. */
function targetOf({ path }: Route, request: FastifyRequest): string {
  const [first] = Object.values(request.params as Readonly<Record<string, string>>)
  return (first ?? path).replaceAll(/\p{Cc}/gu, ' ').slice(0, LONGEST_TARGET)
}

const METHODS: readonly HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

/** For a path that exists, says what can be done there. */
function refuseOthers(app: FastifyInstance, url: string, routes: readonly Route[]): void {
  const own = routes.filter((route) => urlOf(route) === url).map(({ method }) => method)
  const allowed: readonly HTTPMethods[] = own.includes('GET') ? [...own, 'HEAD'] : own
  const refuse = (): never => {
    const allow = allowed.join(', ')
    throw new Problem('method_not_allowed', { detail: `Allowed: ${allow}.`, headers: { allow } })
  }
  app.route({
    method: METHODS.filter((method) => !allowed.includes(method)),
    url,
    onRequest: refuse,
    handler: refuse,
  })
}
