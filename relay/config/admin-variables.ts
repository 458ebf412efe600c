import type { AdminToken } from '../admin/auth/tokens.ts'
import { adminTokens, keySetUrl } from './parse-admin.ts'
import { listenAddress, oneOf, shortText, type ListenAddress } from './parse.ts'
import { optional, type VariablesOf } from './variable.ts'

export interface AdminValues {
  readonly WAYBILL_ADMIN_LISTEN: ListenAddress | null
  readonly WAYBILL_ADMIN_TOKENS: readonly AdminToken[] | null
  readonly WAYBILL_ADMIN_JWT_ISSUER: string | null
  readonly WAYBILL_ADMIN_JWT_AUDIENCE: string | null
  readonly WAYBILL_ADMIN_JWT_JWKS_URL: string | null
  readonly WAYBILL_ADMIN_JWT_ROLES_CLAIM: string
  readonly WAYBILL_ADMIN_AUTH: 'required' | 'none'
  readonly WAYBILL_ADMIN_EDIT_AND_REPLAY: 'on' | 'off'
}

/** Who may look at messages that got stuck and repair them, and where. */
export const ADMIN_VARIABLES: VariablesOf<AdminValues> = {
  WAYBILL_ADMIN_LISTEN: {
    ...optional,
    meaning: 'Where the admin API is served. Port 0 takes any free one. Left out: nowhere.',
    parser: listenAddress(),
    fallback: null,
  },
  WAYBILL_ADMIN_TOKENS: {
    ...optional,
    meaning: 'Who may use the admin API, by a token of which only the SHA-256 is given.',
    parser: adminTokens(),
    fallback: null,
    secret: true,
  },
  WAYBILL_ADMIN_JWT_ISSUER: {
    ...optional,
    meaning: 'The issuer of JSON Web Tokens that are taken, exactly as it stands in them.',
    parser: shortText(1024),
    fallback: null,
  },
  WAYBILL_ADMIN_JWT_AUDIENCE: {
    ...optional,
    meaning: 'The audience that these tokens must be meant for.',
    parser: shortText(1024),
    fallback: null,
  },
  WAYBILL_ADMIN_JWT_JWKS_URL: {
    ...optional,
    meaning: 'Where the keys of the issuer are.',
    parser: keySetUrl(),
    fallback: null,
  },
  WAYBILL_ADMIN_JWT_ROLES_CLAIM: {
    ...optional,
    meaning: 'Where the roles and permissions are in these tokens, with dots between the names.',
    parser: shortText(255),
    fallback: 'roles',
  },
  WAYBILL_ADMIN_AUTH: {
    ...optional,
    meaning: 'Whether requests must say who makes them. none is taken for a loopback address only.',
    parser: oneOf('required', 'none'),
    fallback: 'required',
  },
  WAYBILL_ADMIN_EDIT_AND_REPLAY: {
    ...optional,
    meaning: 'Whether admins may replay a message with another payload.',
    parser: oneOf('on', 'off'),
    fallback: 'off',
  },
}
