import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { findPostgres, findRabbitmq } from '../support/binaries.ts'
import { canInstall, install } from '../support/install.ts'
import { startPostgres, type PostgresServer } from '../support/postgres-server.ts'
import { startRabbitmq, type RabbitmqServer } from '../support/rabbitmq-server.ts'

/** A PostgreSQL and a RabbitMQ that nobody else uses, so that they may be killed, frozen and filled up. */
export interface Servers extends AsyncDisposable {
  readonly postgres: PostgresServer
  readonly rabbitmq: RabbitmqServer
}

export async function startServers(): Promise<Servers> {
  if (!findPostgres() && canInstall()) await install('postgresql')
  if (!findRabbitmq() && canInstall()) await install('rabbitmq-server')
  const postgres = await startPostgres()
  try {
    const rabbitmq = await startRabbitmq()
    return {
      postgres,
      rabbitmq,
      [Symbol.asyncDispose]: async () => {
        await Promise.all([postgres[Symbol.asyncDispose](), rabbitmq[Symbol.asyncDispose]()])
      },
    }
  } catch (error) {
    await postgres[Symbol.asyncDispose]()
    throw error
  }
}

/** A fresh database of the server. */
export async function createDatabase({ url }: PostgresServer): Promise<string> {
  const name = `fault_${randomBytes(4).toString('hex')}`
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(`create database ${name}`)
  } finally {
    await client.end()
  }
  const place = new URL(url)
  place.pathname = `/${name}`
  return place.href
}

/** A fresh vhost of the broker. */
export async function createVhost(
  rabbitmq: RabbitmqServer,
): Promise<{ readonly name: string; readonly url: string }> {
  const name = `fault-${randomBytes(4).toString('hex')}`
  const all = '<<".*">>, <<".*">>, <<".*">>'
  await rabbitmq.eval(
    `rabbit_vhost:add(<<"${name}">>, <<"tests">>), ` +
      `ok = rabbit_auth_backend_internal:set_permissions(<<"guest">>, <<"${name}">>, ${all}, <<"tests">>).`,
  )
  const place = new URL(rabbitmq.url)
  place.pathname = `/${name}`
  return { name, url: place.href }
}
