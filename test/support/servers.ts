import { findPostgres, findRabbitmq } from './binaries.ts'
import { composeBroker, composeDatabase, engineRuns } from './compose-servers.ts'
import { canInstall, install } from './install.ts'
import { startPostgres } from './postgres-server.ts'
import { startRabbitmq } from './rabbitmq-server.ts'
import type { SharedBroker, SharedDatabase } from './shared-server.ts'

const nothingToEnd = (): Promise<void> => Promise.resolve()

/**
 * The PostgreSQL of the suites: TEST_DATABASE_URL; a private instance of what is installed; the same after
 * installing it (root on Debian or Ubuntu); a container. A private one is best: tests may kill and freeze it.
 */
export async function findDatabase(): Promise<SharedDatabase> {
  const url = process.env['TEST_DATABASE_URL']
  if (url) return { url, [Symbol.asyncDispose]: nothingToEnd }
  if (!findPostgres() && canInstall()) await install('postgresql')
  if (findPostgres()) return startPostgres()
  if (await engineRuns()) return composeDatabase()
  throw new Error('Install PostgreSQL 13 or newer, or start Docker, or set TEST_DATABASE_URL.')
}

/** The RabbitMQ of the suites, found in the same order; its URL is TEST_AMQP_URL. */
export async function findBroker(): Promise<SharedBroker> {
  const url = process.env['TEST_AMQP_URL']
  if (url) return { url, rabbitmqctl: null, [Symbol.asyncDispose]: nothingToEnd }
  if (!findRabbitmq() && canInstall()) await install('rabbitmq-server')
  if (findRabbitmq()) return startRabbitmq()
  if (await engineRuns()) return composeBroker()
  throw new Error('Install RabbitMQ 3.10 or newer, or start Docker, or set TEST_AMQP_URL.')
}
