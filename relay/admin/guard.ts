import type { IncomingMessage } from 'node:http'
import type { AuditOperations, Logger } from '../../src/ports.ts'
import { hasTokenInQuery } from './auth/bearer.ts'
import { isGranted, isGrant, isPrincipalName, type Authenticate, type Grant } from './auth/principal.ts'
import type { Principal } from './auth/principal.ts'
import type { Allowance, Budget } from './budget.ts'
import { Problem } from './problems/problem.ts'
import { actorOf, type Visit } from './visit.ts'

export interface GuardParts {
  readonly authenticate: Authenticate
  readonly audit: AuditOperations
  readonly logger: Logger
  /** For looking, for changing, and for being turned away. */
  readonly budgets: { readonly reads: Budget; readonly changes: Budget; readonly denials: Budget }
}

/** What somebody asks for. */
export interface Wanted {
  /** As audit events name it. */
  readonly action: string
  readonly target: string
  readonly needs: Grant
  readonly isChange: boolean
}

export interface Entry {
  readonly principal: Principal
  /** For the answer. */
  readonly headers: Readonly<Record<string, string>>
}

/** Lets a request in or throws the problem to answer it with; what is turned away is noted. */
export type Guard = (request: IncomingMessage, visit: Visit, wanted: Wanted) => Promise<Entry>

export function createGuard({ authenticate, audit, logger, budgets }: GuardParts): Guard {
  const note = async (visit: Visit, { action, target }: Wanted, reason: string): Promise<void> => {
    const { requestId, address } = visit
    logger.warn({ requestId, address, action, target, reason, actor: visit.principal?.name }, 'Denied.')
    try {
      await audit.denied({ by: actorOf(visit), action, target, reason })
    } catch (error) {
      // It is denied all the same; the line above is what is left of it.
      logger.error({ error, requestId }, 'A denied attempt could not be noted.')
    }
  }

  const within = async (allowance: Allowance, visit: Visit, wanted: Wanted): Promise<void> => {
    if (!allowance.isSpent) return
    // Once for each minute: a flood of requests must not become one of audit events.
    if (allowance.isFirstOver) await note(visit, wanted, `The budget "${allowance.name}" is spent.`)
    throw new Problem('rate_limited', {
      detail: `Try again in ${allowance.retryAfterSeconds} seconds.`,
      headers: { ...allowance.headers, 'retry-after': String(allowance.retryAfterSeconds) },
    })
  }

  const deny = async (visit: Visit, wanted: Wanted, problem: Problem): Promise<never> => {
    const allowance = budgets.denials.spend(visit.principal?.name ?? `address ${visit.address ?? ''}`)
    await within(allowance, visit, wanted)
    await note(visit, wanted, problem.code)
    throw problem
  }

  const identify = async (request: IncomingMessage, visit: Visit, wanted: Wanted): Promise<Principal> => {
    if (hasTokenInQuery(request.url ?? '')) return deny(visit, wanted, secretInAddress())
    let principal: Principal | null
    try {
      principal = await authenticate(request)
      if (principal !== null) checkPrincipal(principal)
    } catch (error) {
      if (error instanceof Problem) return deny(visit, wanted, error)
      logger.error({ error, requestId: visit.requestId }, 'It could not be found out who makes a request.')
      return deny(
        visit,
        wanted,
        new Problem('authentication_unavailable', { headers: { 'retry-after': '5' } }),
      )
    }
    return principal ?? deny(visit, wanted, unauthenticated())
  }

  return async (request, visit, wanted) => {
    const principal = await identify(request, visit, wanted)
    const known = { ...visit, principal }
    const allowance = (wanted.isChange ? budgets.changes : budgets.reads).spend(principal.name)
    await within(allowance, known, wanted)
    if (!isGranted(principal.grants, wanted.needs)) {
      await deny(known, wanted, new Problem('forbidden', { detail: `Needed is ${wanted.needs}.` }))
    }
    return { principal, headers: allowance.headers }
  }
}

/** A host's own function may return anything; what is no principal opens nothing. */
function checkPrincipal(principal: Principal): void {
  if (isPrincipalName(principal.name) && Array.isArray(principal.grants) && principal.grants.every(isGrant))
    return
  throw new Error('authenticate has returned something that is no principal.')
}

function secretInAddress(): Problem {
  return new Problem('token_in_query', {
    detail: 'Send it in the header Authorization. Replace it: addresses are written into logs on their way.',
  })
}

function unauthenticated(): Problem {
  return new Problem('unauthenticated', {
    detail: 'Send a token that is known in the header `Authorization: Bearer …`.',
    headers: { 'www-authenticate': 'Bearer realm="waybill"' },
  })
}
