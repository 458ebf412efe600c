import { PROJECT_ROOT } from './child.ts'
import { run } from './run.ts'
import type { SharedBroker, SharedDatabase } from './shared-server.ts'

const PROJECT = 'waybill-test'
const COMPOSE = ['compose', '--project-name', PROJECT] as const

/** Ports of the engine's choice: somebody may have started the same file by hand. */
const PORTS = { POSTGRES_PORT: '0', RABBITMQ_PORT: '0', RABBITMQ_CONSOLE_PORT: '0' }

/** True where a container engine with compose answers. */
export async function engineRuns(): Promise<boolean> {
  try {
    await run('docker', ['info'], { timeout: 10_000 })
    await run('docker', ['compose', 'version'], { timeout: 10_000 })
    return true
  } catch {
    return false // No docker, or no engine behind it: either way not a way to get servers.
  }
}

export async function composeDatabase(): Promise<SharedDatabase> {
  await up('postgres')
  const url = `postgres://waybill:waybill@${await address('postgres', 5432)}/postgres`
  return { url, [Symbol.asyncDispose]: () => down('postgres') }
}

export async function composeBroker(): Promise<SharedBroker> {
  await up('rabbitmq')
  const url = `amqp://waybill:waybill@${await address('rabbitmq', 5672)}`
  const command = ['docker', ...COMPOSE, 'exec', '-T', 'rabbitmq', 'rabbitmqctl'] as const
  return { url, rabbitmqctl: { command, env: {} }, [Symbol.asyncDispose]: () => down('rabbitmq') }
}

async function up(service: string): Promise<void> {
  await compose('up', '--detach', '--wait', service)
}

async function down(service: string): Promise<void> {
  await compose('rm', '--stop', '--force', service)
  // The volume has the name of its service.
  await run('docker', ['volume', 'rm', '--force', `${PROJECT}_${service}`])
}

async function address(service: string, port: number): Promise<string> {
  return (await compose('port', service, String(port))).trim().replace('0.0.0.0', '127.0.0.1')
}

function compose(...args: string[]): Promise<string> {
  return run('docker', [...COMPOSE, ...args], { cwd: PROJECT_ROOT, env: { ...process.env, ...PORTS } })
}
