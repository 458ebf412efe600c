import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { PROJECT_ROOT, type Child } from '../support/child.ts'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { createRelaySetting, type RelaySetting } from './relay-setting.ts'

/** An address where nobody listens until it is opened; then it leads to the server of `url`. */
async function lateDoor(url: string) {
  const target = new URL(url)
  const port = await freePort()
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname)
    client.pipe(upstream).pipe(client)
    for (const socket of [client, upstream]) {
      socket
        .on('error', () => undefined)
        .on('close', () => {
          client.destroy()
          upstream.destroy()
        })
    }
  })
  const through = new URL(url)
  through.hostname = '127.0.0.1'
  through.port = String(port)
  return {
    url: through.href,
    open: async () => {
      await once(server.listen(port, '127.0.0.1'), 'listening')
    },
    [Symbol.asyncDispose]: () => {
      server.close()
      return Promise.resolve()
    },
  }
}

async function checkOf(child: Child, path: string): Promise<{ status: number; text: string }> {
  const line = await child.line(/"The relay starts\."/)
  const { health } = JSON.parse(line) as { readonly health: { readonly port: number } }
  const response = await fetch(`http://127.0.0.1:${health.port}${path}`)
  return { status: response.status, text: await response.text() }
}

/** A relay whose database no longer answers although its connections are open, so that it cannot hand over. */
async function stuckRelay(setting: RelaySetting, env: Readonly<Record<string, string>> = {}) {
  const { hostname, port } = new URL(setting.database.url)
  const proxy = await startTcpProxy({ host: hostname, port: Number(port) })
  const relay = await setting.relay({ WAYBILL_DATABASE_URL: proxy.url(setting.database.url), ...env })
  proxy.blackhole('both')
  return { relay, [Symbol.asyncDispose]: () => proxy.close() }
}

describe('a relay that starts before its servers', () => {
  it('waits for the database, alive and not ready, and then works', async () => {
    await using setting = await createRelaySetting()
    await using door = await lateDoor(setting.database.url)
    const relay = setting.waybill(['relay'], { WAYBILL_DATABASE_URL: door.url })
    await relay.line(/ECONNREFUSED/)
    expect((await checkOf(relay, '/livez')).status).toBe(200)
    expect(await checkOf(relay, '/readyz')).toMatchObject({ status: 503 })

    await door.open()
    await relay.line(/"The relay runs\."/)
    expect(await checkOf(relay, '/readyz')).toMatchObject({ status: 200 })
    await setting.write('a', 1)
    await setting.settled()
  })

  it('waits for the broker, says so, and then works', async () => {
    await using setting = await createRelaySetting()
    await using door = await lateDoor(setting.vhost.url)
    const relay = await setting.relay({ WAYBILL_AMQP_URL: door.url })
    await setting.write('a', 1)
    const { status, text } = await checkOf(relay, '/readyz')
    expect({ status, text }).toMatchObject({ status: 200 })
    expect(text).toContain('The connection to the broker is connecting.')
    await door.open()
    await setting.settled()
    await eventually(async () => (await checkOf(relay, '/readyz')).text.includes('"status":"ok"'))
  })

  it('can be stopped while it waits', async () => {
    await using setting = await createRelaySetting()
    await using door = await lateDoor(setting.database.url)
    const relay = setting.waybill(['relay'], { WAYBILL_DATABASE_URL: door.url })
    await relay.line(/ECONNREFUSED/)
    expect(await relay.kill('SIGTERM')).toEqual({ code: 0, signal: null })
  })

  it('never logs a password, whatever goes wrong', async () => {
    await using setting = await createRelaySetting()
    const database = new URL(setting.database.url)
    database.username = 'nobody'
    database.password = 's3cret-word'
    const broker = new URL(setting.vhost.url)
    broker.username = 'nobody'
    broker.password = 'other-w0rd'
    const debug = { WAYBILL_LOG_LEVEL: 'debug' }
    const noDatabase = setting.waybill(['relay'], { ...debug, WAYBILL_DATABASE_URL: database.href })
    const noBroker = setting.waybill(['relay'], { ...debug, WAYBILL_AMQP_URL: broker.href })
    await noDatabase.line(/"nobody\\?"|nobody/)
    await noBroker.line(/ACCESS_REFUSED|ACCESS-REFUSED|403/)
    expect(noDatabase.output + noBroker.output).not.toMatch(/s3cret-word|other-w0rd/)
  })
})

describe('a relay that cannot start', () => {
  it('ends with code 2 and every problem of its configuration', async () => {
    await using setting = await createRelaySetting()
    const relay = setting.waybill(['relay'], { WAYBILL_LEASE_MS: 'long', WAYBILL_AMQP_URL: undefined })
    expect(await relay.exited).toEqual({ code: 2, signal: null })
    expect(relay.output).toContain('WAYBILL_LEASE_MS=long')
    expect(relay.output).toContain('WAYBILL_AMQP_URL is not set')
  })

  it('ends with code 2 when its address for health checks is taken', async () => {
    await using setting = await createRelaySetting()
    await using door = await lateDoor(setting.database.url)
    await door.open()
    const relay = setting.waybill(['relay'], { WAYBILL_HEALTH_LISTEN: new URL(door.url).host })
    expect((await relay.exited).code).toBe(2)
    expect(relay.output).toContain('WAYBILL_HEALTH_LISTEN')
  })

  it('ends with code 3 and what to do when the schema is missing or does not support it', async () => {
    await using setting = await createRelaySetting()
    const missing = setting.waybill(['relay'], { WAYBILL_SCHEMA: 'elsewhere' })
    expect((await missing.exited).code).toBe(3)
    expect(missing.output).toContain('waybill migrate')

    await setting.database.pool.query('update waybill.meta set version = 9000, min_compatible = 9000')
    const tooOld = setting.waybill(['relay'])
    expect((await tooOld.exited).code).toBe(3)
    expect(tooOld.output).toContain('Use a newer release')
  })

  it('ends with code 3 too when the schema outgrows it while it runs', async () => {
    await using setting = await createRelaySetting()
    const relay = await setting.relay()
    await setting.database.pool.query('update waybill.meta set version = 9000, min_compatible = 9000')
    expect((await relay.exited).code).toBe(3)
    expect(await setting.owners()).toEqual({})
  })
})

describe('a relay that is in a hurry', () => {
  it('ends at once at the second signal', async () => {
    await using setting = await createRelaySetting()
    await using stuck = await stuckRelay(setting)
    process.kill(stuck.relay.pid, 'SIGTERM')
    await stuck.relay.line(/"The relay stops\."/)
    expect(await stuck.relay.kill('SIGTERM')).toEqual({ code: 143, signal: null })
    expect(stuck.relay.output).toContain('Ending at once')
  })

  it('ends with code 1 when stopping takes longer than it may', async () => {
    await using setting = await createRelaySetting()
    await using stuck = await stuckRelay(setting, { WAYBILL_SHUTDOWN_TIMEOUT_MS: '300' })
    expect(await stuck.relay.kill('SIGTERM')).toEqual({ code: 1, signal: null })
    expect(stuck.relay.output).toContain('could not stop in time')
  })

  it('that is not let hand over still ends in order, within its limits', async () => {
    await using setting = await createRelaySetting()
    await using stuck = await stuckRelay(setting)
    expect(await stuck.relay.kill('SIGINT')).toEqual({ code: 0, signal: null })
    expect(stuck.relay.output).toContain('could not hand its lanes over')
  })

  it.each([
    ['an exception', "process.on('SIGUSR2', () => { throw new Error('unforeseen') })"],
    ['a rejection', "process.on('SIGUSR2', () => { Promise.reject(new Error('unforeseen')) })"],
  ])('logs %s that nobody caught and ends with code 1', async (_what, code) => {
    await using setting = await createRelaySetting()
    const relay = await setting.relay({
      NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(code)}`,
    })
    expect(await relay.kill('SIGUSR2')).toEqual({ code: 1, signal: null })
    expect(relay.output).toMatch(/"level":"error".*unforeseen/)
  })

  it('goes on when nobody reads its log any more', async () => {
    await using setting = await createRelaySetting()
    const child = spawn(process.execPath, ['--import', 'tsx', 'relay/main.ts', 'relay'], {
      cwd: PROJECT_ROOT,
      env: { ...process.env, ...setting.env, WAYBILL_LOG_LEVEL: 'debug' },
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const exited = once(child, 'exit')
    await once(child.stdout, 'data')
    child.stdout.destroy()
    await eventually(async () => Object.keys(await setting.owners()).length === 1)
    await setting.write('a', 1)
    await setting.settled()
    child.kill('SIGTERM')
    expect(await exited).toEqual([0, null])
  })
})
