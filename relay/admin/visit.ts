import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Actor } from '../../src/ports.ts'
import type { Principal } from './auth/principal.ts'

/** One request, as audit events, logs and problems speak of it. */
export interface Visit {
  /** Made here: what callers send could be anything. */
  readonly requestId: string
  readonly traceId: string | null
  readonly address: string | null
  readonly principal: Principal | null
}

const TRACEPARENT = /^[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/

const visits = new WeakMap<IncomingMessage, Visit>()

/** The visit of a request: one and the same, whichever part of a server asks. */
export function visitOf(request: IncomingMessage): Visit {
  const visit = visits.get(request) ?? beginVisit(request)
  visits.set(request, visit)
  return visit
}

/** It is known now who makes it. */
export function identify(request: IncomingMessage, principal: Principal): void {
  visits.set(request, { ...visitOf(request), principal })
}

function beginVisit(request: IncomingMessage): Visit {
  const traceparent = request.headers['traceparent']
  return {
    requestId: randomUUID(),
    traceId: typeof traceparent === 'string' ? (TRACEPARENT.exec(traceparent)?.[1] ?? null) : null,
    address: request.socket.remoteAddress ?? null,
    principal: null,
  }
}

/** How the operations and their audit events name who makes the request. */
export function actorOf({ requestId, traceId, address, principal }: Visit): Actor {
  return {
    name: principal?.name ?? 'anonymous',
    roles: principal?.grants ?? [],
    via: 'api',
    requestId,
    address: address ?? undefined,
    traceId: traceId ?? undefined,
  }
}
