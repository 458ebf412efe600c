import { isLoopback } from '../admin/auth/open.ts'
import { GRANTS, isGrant } from '../admin/auth/principal.ts'
import { tokenFault, type AdminToken } from '../admin/auth/tokens.ts'
import type { Parsed, Parser } from './parse.ts'

/** `name=role,permission=sha256`, several with spaces or line breaks between them. */
export function adminTokens(): Parser<readonly AdminToken[]> {
  return {
    wanted: 'name=role=sha256 of the token in hex, or several with spaces between them',
    parse(text) {
      const tokens: AdminToken[] = []
      for (const entry of text.split(/\s+/)) {
        const parsed = tokenIn(entry)
        if (parsed.kind === 'bad') return parsed
        tokens.push(parsed.value)
      }
      const names = tokens.map(({ sha256 }) => sha256.toLowerCase())
      if (new Set(names).size < names.length) return { kind: 'bad', problem: 'has one digest for two names' }
      return { kind: 'value', value: tokens }
    },
  }
}

function tokenIn(entry: string): Parsed<AdminToken> {
  const [name = '', words = '', sha256 = '', ...more] = entry.split('=')
  const grants = words.split(',')
  if (more.length > 0 || sha256 === '') return { kind: 'bad', problem: 'has an entry without two "="' }
  if (!grants.every(isGrant)) {
    return {
      kind: 'bad',
      problem: `gives ${name} a role or permission that does not exist`,
      remedy: `There are ${GRANTS.join(', ')}; write a comma between two.`,
    }
  }
  const token = { name, grants, sha256 }
  const fault = tokenFault(token)
  return fault === null
    ? { kind: 'value', value: token }
    : { kind: 'bad', problem: `has a token that ${fault.replace(/^of \S+ /, `(${name}) `)}` }
}

/** Who could change the keys on their way could be anybody. */
export function keySetUrl(): Parser<string> {
  return {
    wanted: 'a URL with https, such as https://id.example.com/.well-known/jwks.json',
    parse(text) {
      if (!URL.canParse(text)) return { kind: 'bad', problem: 'is not a valid URL' }
      const { protocol, hostname } = new URL(text)
      if (protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname)))
        return { kind: 'value', value: text }
      return { kind: 'bad', problem: 'does not begin with https://' }
    },
  }
}
