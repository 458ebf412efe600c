import { expect, it } from 'vitest'
import { readConfig, type Environment } from '../../../relay/config.ts'
import { isWaybillError } from '../../../src/index.ts'

const DIGEST = 'a'.repeat(64)
const SERVERS = { WAYBILL_DATABASE_URL: 'postgres://db/orders', WAYBILL_AMQP_URL: 'amqp://mq' }
const LISTEN = { WAYBILL_ADMIN_LISTEN: '0.0.0.0:9465' }

function read(env: Environment, files: Readonly<Record<string, string>> = {}) {
  return readConfig('relay', { env: { ...SERVERS, ...env }, readFile: (path) => files[path] ?? '' }).values
}

function complaint(env: Environment): string {
  try {
    read(env)
  } catch (error) {
    if (isWaybillError(error, 'WAYBILL_CONFIGURATION_INVALID')) return error.message
    throw error
  }
  throw new Error('The configuration was accepted.')
}

it('serves no admin API unless asked to', () => {
  expect(read({}).WAYBILL_ADMIN_LISTEN).toBeNull()
})

it('refuses an admin API that nobody or everybody could use', () => {
  expect(complaint(LISTEN)).toMatch(/WAYBILL_ADMIN_LISTEN is set, and nobody could be let in/)
  expect(complaint({ ...LISTEN, WAYBILL_ADMIN_AUTH: 'none' })).toMatch(/none on an address that others reach/)
  const both = { WAYBILL_ADMIN_AUTH: 'none', WAYBILL_ADMIN_TOKENS: `ada=admin=${DIGEST}` }
  expect(complaint({ WAYBILL_ADMIN_LISTEN: '127.0.0.1:1', ...both })).toMatch(
    /none although there are tokens/,
  )
  for (const host of ['127.0.0.1', '[::1]', 'localhost']) {
    expect(
      read({ WAYBILL_ADMIN_LISTEN: `${host}:9465`, WAYBILL_ADMIN_AUTH: 'none' }).WAYBILL_ADMIN_AUTH,
    ).toBe('none')
  }
})

it('takes tokens by their digests, from a file too', () => {
  const text = `ada=operator,payload:read=${DIGEST}\nbob=reader=${'B'.repeat(64)}\n`
  const { WAYBILL_ADMIN_TOKENS: tokens } = read(
    { ...LISTEN, WAYBILL_ADMIN_TOKENS_FILE: '/run/tokens' },
    { '/run/tokens': text },
  )
  expect(tokens).toEqual([
    { name: 'ada', grants: ['operator', 'payload:read'], sha256: DIGEST },
    { name: 'bob', grants: ['reader'], sha256: 'B'.repeat(64) },
  ])
})

it.each([
  [`ada=${DIGEST}`, /an entry without two "="/],
  [`ada=boss=${DIGEST}`, /a role or permission that does not exist/],
  ['ada=admin=secret-token', /not 64 hexadecimal digits/],
  [`ada=admin=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855`, /digest of an empty text/],
  [`ada=admin=${DIGEST} bob=reader=${DIGEST}`, /one digest for two names/],
])('refuses the token %s, and does not repeat it', (text, problem) => {
  const told = complaint({ ...LISTEN, WAYBILL_ADMIN_TOKENS: text })
  expect(told).toMatch(problem)
  expect(told).not.toContain('secret-token')
  expect(told).not.toContain(DIGEST)
})

it('wants all that tokens of an issuer need, and keys that nobody can change on their way', () => {
  const jwt = {
    WAYBILL_ADMIN_JWT_ISSUER: 'https://id.example.com',
    WAYBILL_ADMIN_JWT_AUDIENCE: 'waybill',
    WAYBILL_ADMIN_JWT_JWKS_URL: 'https://id.example.com/keys',
  }
  expect(read({ ...LISTEN, ...jwt }).WAYBILL_ADMIN_JWT_ROLES_CLAIM).toBe('roles')
  expect(complaint({ ...LISTEN, ...jwt, WAYBILL_ADMIN_JWT_AUDIENCE: undefined })).toMatch(
    /Set WAYBILL_ADMIN_JWT_AUDIENCE too/,
  )
  expect(complaint({ ...LISTEN, ...jwt, WAYBILL_ADMIN_JWT_JWKS_URL: 'http://id.example.com/keys' })).toMatch(
    /https/,
  )
})
