import type { IncomingMessage } from 'node:http'

const BEARER = /^Bearer +([A-Za-z0-9._~+/-]+=*) *$/i
const LONGEST_TOKEN = 16_384

/** The token of the header Authorization; null when there is none that can be one. */
export function bearerToken(request: IncomingMessage): string | null {
  const header = request.headers.authorization
  if (header === undefined || header.length > LONGEST_TOKEN) return null
  return BEARER.exec(header)?.[1] ?? null
}

const SECRET_NAMES = /^(.*[_-])?(token|jwt|secret|password|authorization|bearer|api[_-]?key)$/i

/** Whether the address of a request carries something by the name of a secret. Addresses end up in logs. */
export function hasTokenInQuery(url: string): boolean {
  const start = url.indexOf('?')
  if (start < 0) return false
  return [...new URLSearchParams(url.slice(start + 1)).keys()].some((name) => SECRET_NAMES.test(name))
}
