import type { IncomingMessage } from 'node:http'

/** Each may do what those before it may. */
export const ROLES = ['reader', 'operator', 'admin'] as const
export type Role = (typeof ROLES)[number]

/** What no role brings along. */
export const PERMISSIONS = ['payload:read'] as const
export type Permission = (typeof PERMISSIONS)[number]

export type Grant = Role | Permission
export const GRANTS: readonly Grant[] = [...ROLES, ...PERMISSIONS]

/** Who makes a request. */
export interface Principal {
  /** As audit events name them. */
  readonly name: string
  readonly grants: readonly Grant[]
}

/**
 * Finds out who makes a request; null when nobody who is known. What it throws denies the request too.
 * A host's own may look at a session; then it must see to it that no other site can make a browser send requests.
 */
export type Authenticate = (request: IncomingMessage) => Promise<Principal | null> | Principal | null

/** Whether somebody with these grants has the wanted one, by it or by a higher role. */
export function isGranted(grants: readonly Grant[], wanted: Grant): boolean {
  const rank = ROLES.indexOf(wanted as Role)
  if (rank < 0) return grants.includes(wanted)
  return grants.some((grant) => ROLES.indexOf(grant as Role) >= rank)
}

export function isGrant(text: unknown): text is Grant {
  return GRANTS.includes(text as Grant)
}

const LONGEST_NAME = 255

/** Whether a name can stand in audit events and logs. */
export function isPrincipalName(name: unknown): name is string {
  return typeof name === 'string' && name !== '' && name.length <= LONGEST_NAME && !/\p{Cc}/u.test(name)
}
