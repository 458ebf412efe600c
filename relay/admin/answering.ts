import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import type { Logger } from '../../src/ports.ts'
import { Problem, PROBLEM_JSON, problemBody } from './problems/problem.ts'
import { translate, type Classify } from './problems/translate.ts'
import type { Answer } from './route.ts'
import type { Visit } from './visit.ts'
import { toWire } from './wire.ts'

export function sendAnswer(reply: FastifyReply, answer: Answer, form: string): FastifyReply {
  const { status = 200, body, json, stream, headers = {} } = answer
  void reply.code(status).headers(headers).header('content-type', `${form}; charset=utf-8`)
  return reply.send(stream === undefined ? (json ?? JSON.stringify(toWire(body))) : Readable.from(stream))
}

export interface ProblemContext {
  readonly reply: FastifyReply
  readonly visit: Visit
  readonly logger: Logger
  readonly classify: Classify | undefined
}

/** Answers an error. Of one that nobody has foreseen only the log tells more. */
export function answerProblem(
  error: unknown,
  { reply, visit, logger, classify }: ProblemContext,
): FastifyReply {
  const known = translate(error, classify)
  const { requestId } = visit
  if (known === null)
    logger.error({ error, requestId }, 'A request failed for a reason that nobody has foreseen.')
  else if (known.status === 503) logger.warn({ error, requestId }, 'A request could not be answered.')
  const problem = known ?? new Problem('internal', { detail: `The log tells more of request ${requestId}.` })
  return reply
    .code(problem.status)
    .headers(problem.headers)
    .header('content-type', PROBLEM_JSON)
    .send(JSON.stringify(problemBody(problem, visit)))
}
