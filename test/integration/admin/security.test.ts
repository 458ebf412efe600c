import { request } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ROUTES } from '../../../relay/admin/routes/api.ts'
import { createAdminWorld, TOKENS, type AdminWorld } from './world.ts'

let here: AdminWorld
let letter: string
beforeAll(async () => {
  here = await createAdminWorld({
    admin: { limits: { denialsPerMinute: 100_000, changesPerMinute: 100_000 } },
  })
  letter = await here.world.fail({ payload: '{"card":"4111-1111"}', consumer: 'billing' })
})
afterAll(() => here[Symbol.asyncDispose]())

const CONTROL_FREE = { name: 'x', message_id: 'x', correlation_id: 'x' }
/** A path of each route with something in place of its parameters. */
const places = ROUTES.map((route) => ({
  ...route,
  url: `/api/v1${route.path}`.replaceAll(/\{(\w+)\}/g, (_match, name: string) => {
    if (name === 'id') return route.path.startsWith('/bulk') ? 'bulk-1' : 'in-1'
    return CONTROL_FREE[name as keyof typeof CONTROL_FREE]
  }),
}))

async function denials() {
  return (await here.audit()).filter(({ outcome }) => outcome === 'denied')
}

describe('who may do what', () => {
  it.each(places)(
    'lets nobody without a token $method $url, and notes it',
    async ({ method, url, operation }) => {
      const answer = await here.api.send(method, url, { as: null })
      expect(answer).toMatchObject({ status: 401, body: { code: 'unauthenticated' } })
      expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/)
      expect((await denials())[0]).toMatchObject({
        actor: 'anonymous',
        action: operation,
        reason: 'unauthenticated',
      })
    },
  )

  it.each([
    'Bearer wrong-token',
    `Bearer ${TOKENS.ada}x`,
    `bearer`,
    `Basic ${TOKENS.ada}`,
    `Bearer ${'x'.repeat(9000)}`,
  ])('takes %s for nobody, and notes no token', async (authorization) => {
    const answer = await here.api.get('/api/v1/me', { as: null, headers: { authorization } })
    expect(answer.status).toBe(401)
    expect(JSON.stringify([await denials(), here.log, answer.text])).not.toContain(
      authorization.slice(7) || '\0',
    )
  })

  it.each(places.filter(({ needs }) => needs !== 'reader'))(
    'wants more than a reader for $method $url',
    async ({ method, url, operation, needs }) => {
      const answer = await here.api.send(method, url, { as: 'rita' })
      expect(answer).toMatchObject({
        status: 403,
        body: { code: 'forbidden', detail: `Needed is ${needs}.` },
      })
      expect((await denials())[0]).toMatchObject({
        actor: 'rita',
        roles: ['reader'],
        action: operation,
        reason: 'forbidden',
      })
    },
  )

  it('shows what messages say by a permission that no role brings along', async () => {
    expect((await here.api.get(`/api/v1/dead-letters/${letter}/payload`, { as: 'otto' })).status).toBe(403)
    expect((await here.api.get(`/api/v1/dead-letters/${letter}/payload`, { as: 'petra' })).status).toBe(200)
  })

  it('rewrites no message unless that was switched on, not even for an admin', async () => {
    const answer = await here.api.post(`/api/v1/dead-letters/${letter}/replay-edited`, {
      as: 'ada',
      headers: { 'if-match': '*' },
      body: { content: '{}', reason: 'Because.' },
    })
    expect(answer).toMatchObject({ status: 403, body: { code: 'editing_off' } })
  })

  it.each(['token', 'access_token', 'api_key', 'authorization', 'JWT'])(
    'refuses a secret in the address: %s',
    async (name) => {
      const answer = await here.api.get(`/api/v1/me?${name}=${TOKENS.ada}`, { as: 'ada' })
      expect(answer).toMatchObject({ status: 400, body: { code: 'token_in_query' } })
      expect((await denials())[0]).toMatchObject({ reason: 'token_in_query' })
      expect(JSON.stringify([await denials(), here.log, answer.text])).not.toContain(TOKENS.ada)
    },
  )

  it('has headers that let no page run, frame or keep anything', async () => {
    for (const path of ['/api/v1/me', '/api/v1/nothing', '/']) {
      const { headers } = await here.api.get(path)
      expect(headers.get('content-security-policy')).toContain("default-src 'none'")
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('cache-control')).toBe('no-store')
      expect(headers.get('access-control-allow-origin')).toBeNull()
      expect(headers.get('x-powered-by')).toBeNull()
    }
  })
})

describe('requests that nobody should send', () => {
  it('answers an oversized body without reading it', async () => {
    const body = `{"action":"replay","reason":"${'x'.repeat(1_048_577)}"}`
    expect(await here.api.post('/api/v1/bulk-operations', { body })).toMatchObject({
      status: 413,
      body: { code: 'body_too_large' },
    })
  })

  it.each([
    ['{"action":', 400, 'malformed_body'],
    ['{"__proto__":{"admin":true},"action":"replay"}', 400, 'malformed_body'],
    ['{"action":"erase","filter":{}}', 400, 'invalid_request'],
    ['{"action":"replay","filter":{"constumer":"x"}}', 400, 'invalid_request'],
  ] as const)('refuses the body %s', async (body, status, code) => {
    const answer = await here.api.post('/api/v1/bulk-operations', { body })
    expect(answer).toMatchObject({ status, body: { code } })
  })

  it.each([
    ['application/x-www-form-urlencoded', 'action=replay'],
    ['text/plain', '{"action":"replay"}'],
  ] as const)('refuses a body of type %s', async (type, body) => {
    const answer = await here.api.post('/api/v1/bulk-operations', { body, headers: { 'content-type': type } })
    expect(answer).toMatchObject({ status: 415, body: { code: 'unsupported_media_type' } })
  })

  it('wants an idempotency key for each change, and one that can be told apart', async () => {
    const missing = await here.api.post(`/api/v1/dead-letters/${letter}/replay`, { key: '' })
    expect(missing).toMatchObject({ status: 400, body: { code: 'idempotency_key_missing' } })
    const long = await here.api.post(`/api/v1/dead-letters/${letter}/replay`, { key: 'k'.repeat(256) })
    expect(long).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
    expect(await here.world.state(letter)).toBe('dead')
  })

  it('takes a cursor for the list and the filter that it came from only', async () => {
    for (let n = 0; n < 2; n++) await here.world.fail({ consumer: 'cursor' })
    const { body } = await here.api.get('/api/v1/dead-letters?consumer=cursor&limit=1')
    const cursor = body['next_cursor'] as string
    for (const path of [
      `dead-letters?consumer=other&cursor=${cursor}`,
      `dead-letters?cursor=${cursor}`,
      `failure-groups?consumer=cursor&cursor=${cursor}`,
      `dead-letters?consumer=cursor&cursor=${cursor.slice(0, -2)}`,
      'dead-letters?cursor=bm90aGluZw',
    ]) {
      expect(await here.api.get(`/api/v1/${path}`), path).toMatchObject({
        status: 400,
        body: { code: 'cursor_invalid' },
      })
    }
    const odd = await here.api.get('/api/v1/dead-letters?cursor=%00')
    expect(odd).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
  })

  it.each(['PUT', 'PATCH', 'DELETE', 'POST', 'OPTIONS'])(
    'says what is allowed where %s is not',
    async (method) => {
      const answer = await here.api.send(method, '/api/v1/dead-letters')
      expect(answer).toMatchObject({ status: 405, body: { code: 'method_not_allowed' } })
      expect(answer.headers.get('allow')).toBe('GET, HEAD')
    },
  )

  it.each([
    '/api/v1/dead-letters/..%2f..%2f..%2fetc%2fpasswd',
    '/api/v1/dead-letters/%2e%2e%2f%2e%2e%2fpackage.json',
    '/api/v1/dead-letters/in-1%00.json',
    "/api/v1/dead-letters/in-1'%20or%20'1'='1",
    '/api/v1/dead-letters/in-99999999999999999999',
    '/api/v1/bulk-operations/../../secrets',
    '/api/v1/nothing',
    '/..%2f..%2fetc/passwd',
    '/api/v1/dead-letters/%ff',
  ])('finds nothing at %s', async (path) => {
    const answer = await raw(path)
    expect([400, 404]).toContain(answer.status)
    expect(JSON.parse(answer.text)).toMatchObject({ status: answer.status })
    expect(answer.text).not.toMatch(/root:|node_modules|\/work|at .*\.ts/)
  })

  it('answers what is no HTTP with a problem, and goes on', async () => {
    const { hostname, port } = new URL(here.api.url)
    const socket = connect(Number(port), hostname)
    socket.end('GET / nonsense\r\n\r\n')
    expect(await text(socket)).toMatch(
      /^HTTP\/1\.1 400 [\s\S]*application\/problem\+json[\s\S]*"invalid_request"/,
    )
    expect((await here.api.get('/api/v1/me')).status).toBe(200)
  })
})

describe('filters', () => {
  it.each(['state', 'direction', 'from', 'until', 'limit', 'cursor', 'nonsense'])(
    'refuses what %s cannot be',
    async (name) => {
      for (const value of ['-1', '1e9', '2026-13-45T00:00:00Z', "dead' --"]) {
        const answer = await here.api.get(`/api/v1/dead-letters?${name}=${encodeURIComponent(value)}`)
        expect(answer.status, value).toBe(400)
      }
    },
  )

  it('refuses a filter that is given twice', async () => {
    expect((await here.api.get('/api/v1/dead-letters?limit=1&limit=2')).status).toBe(400)
  })
})

it('has let no payload, no token and no stack of ours into logs, audit events or problems', async () => {
  const everything = JSON.stringify([here.log, await here.audit()])
  expect(everything).not.toContain('4111-1111')
  for (const token of Object.values(TOKENS)) expect(everything).not.toContain(token)
  expect(here.log.filter((line) => line.includes('nobody has foreseen'))).toEqual([])
})

/** As written: `fetch` resolves dots in paths before it sends them. */
function raw(path: string): Promise<{ readonly status: number; readonly text: string }> {
  const { hostname, port } = new URL(here.api.url)
  return new Promise((resolve, reject) => {
    request({ hostname, port, path, headers: { authorization: `Bearer ${TOKENS.rita}` } }, (response) => {
      text(response).then((body) => {
        resolve({ status: response.statusCode ?? 0, text: body })
      }, reject)
    })
      .on('error', reject)
      .end()
  })
}
