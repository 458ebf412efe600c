import { connect } from 'node:net'
import { describe, expect, it } from 'vitest'
import {
  startHealthServer,
  type HealthCheck,
  type HealthServer,
} from '../../../relay/health/health-server.ts'
import { isWaybillError } from '../../../src/index.ts'

interface Setup extends AsyncDisposable {
  readonly server: HealthServer
  readonly checks: { live: HealthCheck[]; ready: HealthCheck[] }
  get(path: string, method?: string): Promise<Response>
}

async function setup(): Promise<Setup> {
  const checks: Setup['checks'] = {
    live: [{ name: 'loop', state: 'ok' }],
    ready: [{ name: 'database', state: 'ok' }],
  }
  const server = await startHealthServer({
    listen: { host: '127.0.0.1', port: 0 },
    live: () => checks.live,
    ready: () => checks.ready,
    metrics: () => Promise.resolve({ contentType: 'text/plain', text: 'up 1\n' }),
  })
  return {
    server,
    checks,
    get: (path, method = 'GET') => fetch(`http://127.0.0.1:${server.address.port}${path}`, { method }),
    [Symbol.asyncDispose]: () => server.close(),
  }
}

describe('the health server', () => {
  it('answers the two checks with what was found', async () => {
    await using health = await setup()
    const live = await health.get('/livez')
    expect(live.status).toBe(200)
    expect(live.headers.get('content-type')).toContain('application/json')
    expect(await live.json()).toEqual({ status: 'ok', checks: [{ name: 'loop', state: 'ok' }] })
    expect((await health.get('/readyz?verbose')).status).toBe(200)
  })

  it('says 503 with the reason when one thing has failed, and stays 200 when it is only degraded', async () => {
    await using health = await setup()
    health.checks.ready = [{ name: 'broker', state: 'degraded', reason: 'blocked' }]
    const degraded = await health.get('/readyz')
    expect(degraded.status).toBe(200)
    expect(await degraded.json()).toMatchObject({ status: 'degraded' })

    health.checks.ready.push({ name: 'database', state: 'failed', reason: 'No answer.' })
    const failed = await health.get('/readyz')
    expect(failed.status).toBe(503)
    expect(await failed.json()).toMatchObject({ status: 'failed', checks: [{}, { reason: 'No answer.' }] })
    expect((await health.get('/livez')).status).toBe(200)
  })

  it('answers HEAD without a body, other methods with 405 and other paths with 404', async () => {
    await using health = await setup()
    const head = await health.get('/readyz', 'HEAD')
    expect(head.status).toBe(200)
    expect(await head.text()).toBe('')
    const post = await health.get('/livez', 'POST')
    expect(post.status).toBe(405)
    expect(post.headers.get('allow')).toBe('GET, HEAD')
    for (const path of ['/', '/metrics/', '/livez/', '/LIVEZ'])
      expect((await health.get(path)).status).toBe(404)
  })

  it('closes at once although a client keeps its connection open', async () => {
    await using health = await setup()
    const client = connect(health.server.address.port, '127.0.0.1')
    await new Promise((resolve) => client.once('connect', resolve))
    const closed = new Promise((resolve) => client.once('close', resolve))
    client.on('error', () => undefined)
    await health.server.close()
    await closed
    await expect(health.get('/livez')).rejects.toThrow()
  })

  it('serves metrics as they come, and says so when they cannot be read', async () => {
    const metrics = {
      read: () => Promise.resolve({ contentType: 'text/plain; version=0.0.4', text: 'up 1\n' }),
    }
    const server = await startHealthServer({
      listen: { host: '127.0.0.1', port: 0 },
      live: () => [],
      ready: () => [],
      metrics: () => metrics.read(),
    })
    const url = `http://127.0.0.1:${server.address.port}/metrics`
    const answer = await fetch(url)
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4')
    expect(await answer.text()).toBe('up 1\n')
    metrics.read = () => Promise.reject(new Error('boom'))
    expect((await fetch(url)).status).toBe(500)
    await server.close()
  })

  it('says which variable to change when its address is taken', async () => {
    await using health = await setup()
    const second = startHealthServer({
      listen: health.server.address,
      live: () => [],
      ready: () => [],
      metrics: () => Promise.resolve({ contentType: 'text/plain', text: 'up 1\n' }),
    })
    const error: unknown = await second.catch((reason: unknown) => reason)
    expect(isWaybillError(error, 'WAYBILL_CONFIGURATION_INVALID')).toBe(true)
    expect(String(error)).toMatch(/EADDRINUSE.*WAYBILL_HEALTH_LISTEN/)
  })
})
