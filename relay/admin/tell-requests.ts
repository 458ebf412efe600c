import type { IncomingMessage } from 'node:http'
import type { FastifyInstance } from 'fastify'
import type { AdminMoments } from '../../src/ports.ts'

/** Of a path that does not exist. */
const NO_ROUTE = 'none'

/** Tells each request of this scope when it was answered; once, also where a scope around it listens as well. */
export function tellRequests(app: FastifyInstance, telemetry: AdminMoments): void {
  if (telemetry.request === undefined) return
  app.addHook('onResponse', (request, reply, done) => {
    if (!told.has(request.raw)) {
      told.add(request.raw)
      const { method, routeOptions } = request
      const { statusCode: status, elapsedTime: durationMs } = reply
      telemetry.request?.({ method, route: routeOptions.url ?? NO_ROUTE, status, durationMs })
    }
    done()
  })
}

const told = new WeakSet<IncomingMessage>()
