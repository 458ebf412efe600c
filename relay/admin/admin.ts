import type { IncomingMessage, ServerResponse } from 'node:http'
import { fastify, type FastifyInstance } from 'fastify'
import { WaybillError } from '../../src/index.ts'
import { checkNames, listenTo, silentLogger, systemClock } from '../../src/ports.ts'
import type { Clock, DeadLetterOperations, Logger, TelemetryOption } from '../../src/ports.ts'
import { answerProblem } from './answering.ts'
import type { Authenticate } from './auth/principal.ts'
import { createBudget } from './budget.ts'
import { createGuard } from './guard.ts'
import { listen, type AdminServer, type ListenAddress } from './listen.ts'
import { mountRoutes, mountSurroundings, type MountParts } from './mount.ts'
import type { Classify } from './problems/translate.ts'
import { API_PATH, ROUTES } from './routes/api.ts'
import { SECURITY_HEADERS } from './security-headers.ts'
import { visitOf } from './visit.ts'

export interface AdminOptions {
  /** What `createOperations` makes. */
  readonly operations: DeadLetterOperations
  /** Who makes a request. Without an answer of it nothing is shown and nothing is done. */
  readonly authenticate: Authenticate
  /** Tells a database that is away from a fault, as the `classify` of a database does. @defaultValue all are faults */
  readonly classify?: Classify
  readonly limits?: AdminLimits
  readonly logger?: Logger
  readonly clock?: Pick<Clock, 'monotonic'>
  /** What listens to requests, such as metrics. Default: nothing. */
  readonly telemetry?: TelemetryOption | undefined
}

/** Counted in this process, for each principal. */
export interface AdminLimits {
  /** @defaultValue `1200` */
  readonly readsPerMinute?: number
  /** @defaultValue `60` */
  readonly changesPerMinute?: number
  /** Requests that are turned away, for each address or principal; those beyond leave no audit event. @defaultValue `30` */
  readonly denialsPerMinute?: number
  /** @defaultValue `1_048_576` */
  readonly bodyBytes?: number
}

/** Handles a request of node:http, Express and whatever else takes such a function. */
export type AdminHandler = (request: IncomingMessage, response: ServerResponse) => void

/** The admin API, to be had in three forms. All serve `/api/v1/…` below where they are mounted. */
export interface Admin {
  /** A plugin for a Fastify 5 of the host: `app.register(admin.plugin, { prefix: '/ops' })`. */
  readonly plugin: (app: FastifyInstance) => Promise<void>
  /** For a server of the host. It must be given paths that begin with `/api/v1`, as Express does below a mount. */
  readonly handler: AdminHandler
  /** A server of its own. */
  listen(address: ListenAddress): Promise<AdminServer>
}

const DEFAULT_LIMITS = {
  readsPerMinute: 1200,
  changesPerMinute: 60,
  denialsPerMinute: 30,
  bodyBytes: 1_048_576,
} as const

/** @throws WaybillError WAYBILL_OPTION_INVALID */
export function createAdmin(options: AdminOptions): Admin {
  const parts = partsOf(options)
  const plugin = async (app: FastifyInstance): Promise<void> => {
    await app.register(
      (scope, _options, done) => {
        mountRoutes(scope, ROUTES, parts)
        done()
      },
      { prefix: API_PATH },
    )
  }
  const handler = handlerOf(() => standalone(plugin, parts))
  return { plugin, handler, listen: (address) => listen(handler, address) }
}

function partsOf(options: AdminOptions): MountParts {
  const { operations, authenticate, classify, logger = silentLogger, clock = systemClock } = options
  // Without types a host may forget it, and an API for everybody must not be what comes of that.
  if (typeof authenticate !== 'function') {
    throw new WaybillError('WAYBILL_OPTION_INVALID', {
      problem: 'Option authenticate of createAdmin is missing.',
      wanted: 'Wanted is tokenAuth(…), jwtAuth(…) or a function of your own.',
    })
  }
  const limits = limitsOf(options.limits ?? {})
  const guard = createGuard({
    authenticate,
    audit: operations.audit,
    logger,
    budgets: {
      reads: createBudget('reads', limits.readsPerMinute, clock),
      changes: createBudget('changes', limits.changesPerMinute, clock),
      denials: createBudget('denials', limits.denialsPerMinute, clock),
    },
  })
  const telemetry = listenTo(options.telemetry, logger)
  return { operations, guard, logger, classify, telemetry, bodyLimit: limits.bodyBytes }
}

function limitsOf(given: AdminLimits): Required<AdminLimits> {
  checkNames(given, 'Option limits of createAdmin', Object.keys(DEFAULT_LIMITS))
  const limits = { ...DEFAULT_LIMITS, ...given }
  const bad = Object.entries(limits).find(([, value]) => !isCount(value))
  if (bad === undefined) return limits
  throw new WaybillError('WAYBILL_OPTION_INVALID', {
    problem: `Limit ${bad[0]} of createAdmin is ${String(bad[1])}.`,
    wanted: 'Wanted is a whole number above 0.',
  })
}

function isCount(value: unknown): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0
}

/** A Fastify that listens nowhere and serves nothing else. */
async function standalone(plugin: Admin['plugin'], parts: MountParts): Promise<FastifyInstance> {
  const app = fastify({
    logger: false,
    routerOptions: { maxParamLength: LONGEST_PARAMETER },
    frameworkErrors: (error, request, reply) => {
      const visit = visitOf(request.raw)
      void reply.headers({ ...SECURITY_HEADERS, 'x-request-id': visit.requestId })
      void answerProblem(error, { reply, visit, ...parts })
    },
  })
  mountSurroundings(app, parts)
  await app.register(plugin)
  await app.ready()
  return app
}

/** Of an id of a message, percent-encoded. */
const LONGEST_PARAMETER = 3 * 1024

/** Made ready at the first request, so that a host that takes the plugin pays for no second Fastify. */
function handlerOf(make: () => Promise<FastifyInstance>): AdminHandler {
  let made: Promise<FastifyInstance> | undefined
  return (request, response) => {
    made ??= make()
    made.then(
      (app) => {
        app.routing(request, response)
      },
      () => {
        response.writeHead(500).end()
      },
    )
  }
}
