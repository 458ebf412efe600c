import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { fastify } from 'fastify'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createAdmin, openAuth, type AdminHandler, type Principal } from '../../../relay/admin/index.ts'
import { createAdminWorld, createClient, TOKENS, type AdminWorld } from './world.ts'

let here: AdminWorld
beforeAll(async () => {
  here = await createAdminWorld()
})
afterAll(() => here[Symbol.asyncDispose]())

interface Host {
  readonly url: string
  close(): Promise<void>
}

async function serve(listener: RequestListener): Promise<Host> {
  const server: Server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** A host that serves the API below /ops, and something of its own beside it. */
const HOSTS: Readonly<Record<string, (world: AdminWorld) => Promise<Host>>> = {
  'node:http': ({ admin }) =>
    serve((request, response) => {
      if (request.url?.startsWith('/ops/')) {
        request.url = request.url.slice('/ops'.length)
        admin.handler(request, response)
      } else response.writeHead(418).end('own')
    }),
  express: ({ admin }) => {
    const app = express()
    app.use('/ops', admin.handler)
    app.use((_request, response) => void response.status(418).send('own'))
    return serve(app)
  },
  'express, which has read the body already': ({ admin }) => {
    const app = express()
    app.use(express.json())
    app.use('/ops', admin.handler)
    app.use((_request, response) => void response.status(418).send('own'))
    return serve(app)
  },
  fastify: async ({ admin }) => {
    const app = fastify()
    await app.register(admin.plugin, { prefix: '/ops' })
    app.setNotFoundHandler((_request, reply) => reply.code(418).send('own'))
    app.setErrorHandler((_error, _request, reply) => reply.code(418).send('own error'))
    const url = await app.listen({ host: '127.0.0.1', port: 0 })
    return { url, close: () => app.close() }
  },
}

it.each(Object.entries(HOSTS))(
  'is served below a path of %s, and touches nothing beside it',
  async (_name, open) => {
    const host = await open(here)
    const api = createClient(`${host.url}/ops`)
    const id = await here.world.fail({ consumer: 'formed' })
    expect((await api.get(`/api/v1/dead-letters/${id}`)).body).toMatchObject({ id })
    expect((await api.get('/api/v1/me', { as: null })).status).toBe(401)
    expect((await api.get('/api/v1/nothing')).body).toMatchObject({ code: 'not_found' })
    const body = { action: 'replay', ids: [id], reason: 'Grüße, 世界' }
    const started = await api.post('/api/v1/bulk-operations', { body })
    expect(started).toMatchObject({ status: 202, body: { reason: 'Grüße, 世界' } })
    const place = new URL(started.headers.get('location')!, `${host.url}/ops/api/v1/bulk-operations`)
    const found = await fetch(place, { headers: { authorization: `Bearer ${TOKENS.rita}` } })
    expect(found.status).toBe(200)
    await api.post(`/api/v1/bulk-operations/${String(started.body['id'])}/cancel`)
    const own = await fetch(`${host.url}/elsewhere`)
    expect([own.status, await own.text(), own.headers.get('x-request-id')]).toEqual([418, 'own', null])
    await host.close()
  },
)

it('takes whom a host knows, and nobody when its function fails or answers nonsense', async () => {
  const answers: Record<string, () => unknown> = {
    known: () => ({ name: 'session of ada', grants: ['operator'] }),
    unknown: () => null,
    nameless: () => ({ name: '', grants: ['admin'] }),
    boss: () => ({ name: 'ada', grants: ['boss'] }),
    broken: () => {
      throw new Error('The session store is away: secret-of-the-store.')
    },
  }
  const authenticate = (request: { headers: NodeJS.Dict<string | string[]> }) =>
    answers[String(request.headers['x-who'])]!() as Principal
  const admin = createAdmin({ operations: here.world.operations, authenticate })
  const host = await serve(admin.handler)
  const api = createClient(host.url)
  const statusOf = async (who: string) => (await api.get('/api/v1/me', { headers: { 'x-who': who } })).status
  expect(await statusOf('known')).toBe(200)
  expect(await statusOf('unknown')).toBe(401)
  for (const who of ['nameless', 'boss', 'broken']) expect(await statusOf(who)).toBe(503)
  expect(JSON.stringify(await here.audit())).not.toContain('secret-of-the-store')
  await host.close()
  expect(() => createAdmin({ operations: here.world.operations } as never)).toThrow(/authenticate .* missing/)
})

it('is open on purpose to this machine only: to no page, no proxy, no other name', async () => {
  const admin = createAdmin({ operations: here.world.operations, authenticate: openAuth() })
  const host = await serve(admin.handler)
  const statusWith = async (headers: Readonly<Record<string, string>>) =>
    (await createClient(host.url).get('/api/v1/me', { as: null, headers })).status
  expect(await statusWith({})).toBe(200)
  expect(await statusWith({ origin: 'http://localhost:3000' })).toBe(200)
  expect(await statusWith({ origin: 'https://evil.example' })).toBe(403)
  expect(await statusWith({ 'x-forwarded-for': '203.0.113.9' })).toBe(403)
  expect(await rebound(admin.handler)).toBe(403)
  await host.close()
})

/** As a browser asks after a name of somebody else's was made to lead to this machine. */
async function rebound(handler: AdminHandler): Promise<number> {
  const host = await serve((request, response) => {
    request.headers.host = 'evil.example'
    handler(request, response)
  })
  const { status } = await fetch(`${host.url}/api/v1/me`)
  await host.close()
  return status
}
