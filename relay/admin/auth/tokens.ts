import { createHash, timingSafeEqual } from 'node:crypto'
import { WaybillError } from '../../../src/index.ts'
import { bearerToken } from './bearer.ts'
import { isGrant, isPrincipalName, type Authenticate, type Grant, type Principal } from './principal.ts'

/** A token that is known by its digest only: who reads the configuration cannot use it. */
export interface AdminToken {
  /** Whom it stands for. */
  readonly name: string
  readonly grants: readonly Grant[]
  /** SHA-256 of the token, in hex. */
  readonly sha256: string
}

const EMPTY_SHA256 = sha256('').toString('hex')

/**
 * Knows those who bring one of these tokens as `Authorization: Bearer …`. Make tokens of 32 random bytes: a digest does
 * not protect what can be guessed.
 * @throws WaybillError WAYBILL_OPTION_INVALID
 */
export function tokenAuth(tokens: readonly AdminToken[]): Authenticate {
  const known = tokens.map(({ name, grants, sha256: digest }) => {
    const fault = tokenFault({ name, grants, sha256: digest })
    if (fault !== null) throw new WaybillError('WAYBILL_OPTION_INVALID', { problem: `A token ${fault}.` })
    return { principal: { name, grants }, digest: Buffer.from(digest, 'hex') }
  })
  return (request) => {
    const token = bearerToken(request)
    if (token === null) return null
    const digest = sha256(token)
    let found: Principal | null = null
    // All are compared, and each as a whole: the time that it takes tells nothing.
    for (const one of known) if (timingSafeEqual(one.digest, digest)) found = one.principal
    return found
  }
}

/** What is wrong with a token; null when nothing is. */
export function tokenFault({ name, grants, sha256: digest }: AdminToken): string | null {
  if (!isPrincipalName(name)) return 'has a name that cannot be used'
  if (grants.length === 0 || !grants.every(isGrant))
    return `of ${name} has no role, or one that does not exist`
  if (!/^[0-9a-f]{64}$/i.test(digest)) return `of ${name} has a digest that is not 64 hexadecimal digits`
  return digest.toLowerCase() === EMPTY_SHA256 ? `of ${name} has the digest of an empty text` : null
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
