import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT, type JWTPayload } from 'jose'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { anyOf, jwtAuth, tokenAuth } from '../../../relay/admin/index.ts'
import { createAdminWorld, testTokens, TOKENS, type AdminWorld } from './world.ts'

const ISSUER = 'https://id.example.com'
const keys = await generateKeyPair('ES256')
const strangers = await generateKeyPair('ES256')
const jwks = { keys: [{ ...(await exportJWK(keys.publicKey)), kid: 'k1', alg: 'ES256' }] }
const issuer = createServer((_request, response) => response.end(JSON.stringify(jwks)))

let here: AdminWorld
beforeAll(async () => {
  await new Promise<void>((resolve) => issuer.listen(0, '127.0.0.1', resolve))
  const { port } = issuer.address() as AddressInfo
  const jwt = {
    issuer: ISSUER,
    audience: 'waybill',
    jwksUrl: `http://127.0.0.1:${port}/`,
    rolesClaim: 'realm_access.roles',
  }
  here = await createAdminWorld({
    admin: { authenticate: anyOf(tokenAuth(testTokens()), jwtAuth(jwt)), limits: { denialsPerMinute: 1000 } },
  })
})
afterAll(async () => {
  issuer.close()
  await here[Symbol.asyncDispose]()
})

interface Signed {
  readonly claims?: JWTPayload
  readonly audience?: string
  readonly issuer?: string
  readonly expires?: string
  readonly key?: typeof keys.privateKey
}

function sign({
  claims = {},
  audience = 'waybill',
  issuer: by = ISSUER,
  expires = '5m',
  key = keys.privateKey,
}: Signed = {}) {
  return new SignJWT({ realm_access: { roles: ['reader', 'some-other-role'] }, ...claims })
    .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
    .setSubject(claims.sub ?? 'ada@example.com')
    .setAudience(audience)
    .setIssuer(by)
    .setExpirationTime(expires)
    .sign(key)
}

async function me(token: string) {
  return here.api.get('/api/v1/me', { as: null, headers: { authorization: `Bearer ${token}` } })
}

it('knows whom the issuer names, with the grants of the claim that are ours', async () => {
  expect((await me(await sign())).body).toMatchObject({ name: 'ada@example.com', grants: ['reader'] })
  expect((await me(TOKENS.otto)).body).toMatchObject({ name: 'otto' })
})

it('lets somebody without any grant do nothing', async () => {
  expect((await me(await sign({ claims: { realm_access: {} } }))).status).toBe(403)
})

it('takes no token that is not signed by the issuer, for us, now', async () => {
  const unsecured = new UnsecuredJWT({ realm_access: { roles: ['admin'] } })
  const good = await sign()
  const [header, , signature] = good.split('.')
  const rewritten = Buffer.from(JSON.stringify({ sub: 'eve', realm_access: { roles: ['admin'] } })).toString(
    'base64url',
  )
  const bad = [
    await sign({ audience: 'another' }),
    await sign({ issuer: 'https://evil.example' }),
    await sign({ expires: '-5m' }),
    await sign({ key: strangers.privateKey }),
    await sign({ claims: { sub: 'a\nb' } }),
    unsecured.setIssuer(ISSUER).setAudience('waybill').setSubject('eve').setExpirationTime('5m').encode(),
    `${header!}.${rewritten}.${signature!}`,
    'a.b.c',
  ]
  for (const token of bad) expect((await me(token)).status).toBe(401)
  expect(JSON.stringify([here.log, await here.audit()])).not.toContain(signature)
})

it('takes keys from nowhere that others could write to', () => {
  expect(() =>
    jwtAuth({ issuer: ISSUER, audience: 'waybill', jwksUrl: 'http://id.example.com/keys' }),
  ).toThrow(/https/)
})

it('lets nobody in while the keys cannot be fetched', async () => {
  const jwt = { issuer: ISSUER, audience: 'waybill', jwksUrl: 'http://127.0.0.1:1/' }
  await using away = await createAdminWorld({ admin: { authenticate: jwtAuth(jwt) } })
  const answer = await away.api.get('/api/v1/me', {
    as: null,
    headers: { authorization: `Bearer ${await sign()}` },
  })
  expect(answer).toMatchObject({ status: 503, body: { code: 'authentication_unavailable' } })
})
