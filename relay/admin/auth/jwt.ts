import { createRemoteJWKSet, errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose'
import { WaybillError } from '../../../src/index.ts'
import { systemClock, type Clock } from '../../../src/ports.ts'
import { bearerToken } from './bearer.ts'
import { isLoopback } from './open.ts'
import { isGrant, isPrincipalName, type Authenticate, type Grant, type Principal } from './principal.ts'

export interface JwtOptions {
  /** Who must have issued the token, exactly. */
  readonly issuer: string
  /** For whom it must be meant. */
  readonly audience: string
  /** Where the issuer's keys are. Over https, except on this machine. */
  readonly jwksUrl: string
  /** Where the grants are in the token, with dots between the names. @defaultValue `roles` */
  readonly rolesClaim?: string
  /** Whose value names the principal. @defaultValue `sub` */
  readonly nameClaim?: string
  readonly clock?: Pick<Clock, 'now'>
}

/** Signatures by a key pair only: with a shared secret, who can check a token can also make one. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA']
/** How far the clocks of issuer and relay may be apart. */
const CLOCK_TOLERANCE_SECONDS = 30
const FETCH_TIMEOUT_MS = 5000

/**
 * Knows those who bring a JSON Web Token of an issuer. Words of the claim that are no grants are passed over; without
 * any grant somebody is known, and may do nothing.
 * @throws WaybillError WAYBILL_OPTION_INVALID
 */
export function jwtAuth(options: JwtOptions): Authenticate {
  const { issuer, audience, jwksUrl, rolesClaim = 'roles', nameClaim = 'sub' } = options
  const { now } = options.clock ?? systemClock
  const keys = createRemoteJWKSet(checkedUrl(jwksUrl), { timeoutDuration: FETCH_TIMEOUT_MS })
  return async (request) => {
    const token = bearerToken(request)
    if (token === null) return null
    const payload = await verified(token, keys, { issuer, audience, currentDate: new Date(now()) })
    return payload === null ? null : principalOf(payload, { rolesClaim, nameClaim })
  }
}

function checkedUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.hostname))) return url
  throw new WaybillError('WAYBILL_OPTION_INVALID', {
    problem: 'jwksUrl is not an address with https.',
    remedy:
      'Who could change the keys on their way could be anybody. Plain http is taken on this machine only.',
  })
}

interface Expected {
  readonly issuer: string
  readonly audience: string
  readonly currentDate: Date
}

/** Null: the token is not good. Throws when that cannot be found out. */
async function verified(
  token: string,
  keys: JWTVerifyGetKey,
  expected: Expected,
): Promise<JWTPayload | null> {
  try {
    const { payload } = await jwtVerify(token, keys, {
      ...expected,
      algorithms: ALGORITHMS,
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      requiredClaims: ['exp'],
    })
    return payload
  } catch (error) {
    if (error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid) throw error
    // The plain class is for a key set that could not be fetched; the others speak of the token.
    if (error instanceof errors.JOSEError && error.constructor !== errors.JOSEError) return null
    throw error
  }
}

function principalOf(
  payload: JWTPayload,
  claims: { rolesClaim: string; nameClaim: string },
): Principal | null {
  const name = claimAt(payload, claims.nameClaim)
  if (!isPrincipalName(name)) return null
  return { name, grants: grantsOf(claimAt(payload, claims.rolesClaim)) }
}

/** As a list, or as one text with spaces between the words. */
function grantsOf(claim: unknown): Grant[] {
  const words: unknown = typeof claim === 'string' ? claim.split(' ') : claim
  return Array.isArray(words) ? [...new Set(words.filter(isGrant))] : []
}

function claimAt(payload: JWTPayload, path: string): unknown {
  // A claim may have dots in its own name, as those that are URLs do.
  if (Object.hasOwn(payload, path)) return payload[path]
  return path.split('.').reduce<unknown>((value, name) => {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
    return (value as Readonly<Record<string, unknown>>)[name]
  }, payload)
}
