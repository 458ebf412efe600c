import { describe, expect, it } from 'vitest'
import { runCli } from '../../../relay/cli/cli.ts'
import { COMMANDS } from '../../../relay/cli/commands.ts'
import { startHealthServer, type HealthCheck } from '../../../relay/health/health-server.ts'
import { freePort } from '../../support/free-port.ts'

async function health(listen: string, ...args: string[]) {
  const printed = { stdout: '', stderr: '' }
  const code = await runCli(['health', ...args], COMMANDS, {
    env: { WAYBILL_HEALTH_LISTEN: listen },
    stdout: (text) => (printed.stdout += text),
    stderr: (text) => (printed.stderr += text),
  })
  return { code, ...printed }
}

describe('waybill health', () => {
  it('asks the relay of this machine, whatever address it listens on', async () => {
    const ready: HealthCheck[] = [{ name: 'relay', state: 'ok' }]
    const server = await startHealthServer({
      listen: { host: '0.0.0.0', port: 0 },
      live: () => [{ name: 'loops', state: 'ok' }],
      ready: () => ready,
      metrics: () => Promise.resolve({ contentType: 'text/plain', text: 'up 1\n' }),
    })
    const listen = `0.0.0.0:${server.address.port}`
    expect(await health(listen)).toMatchObject({ code: 0, stderr: '' })

    ready[0] = { name: 'relay', state: 'failed', reason: 'The database has not answered lately.' }
    const unready = await health(listen)
    expect(unready.code).toBe(1)
    expect(unready.stdout).toContain('The database has not answered lately.')
    expect(await health(listen, '--live')).toMatchObject({ code: 0 })
    await server.close()
  })

  it('says when nobody answers', async () => {
    const port = await freePort()
    const { code, stderr } = await health(`127.0.0.1:${port}`)
    expect(code).toBe(4)
    expect(stderr).toMatch(/No relay answers at http:\/\/127\.0\.0\.1:\d+\/readyz: .*ECONNREFUSED/)
  })
})
