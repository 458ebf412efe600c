import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from 'amqplib'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { serverOwner } from '../../support/binaries.ts'
import { createAuthority, type Authority, type Certificate } from '../../support/certificates.ts'
import { startChild } from '../../support/child.ts'
import { eventually } from '../../support/eventually.ts'
import { freePort } from '../../support/free-port.ts'
import { startPostgres, type PostgresServer } from '../../support/postgres-server.ts'
import { startRabbitmq } from '../../support/rabbitmq-server.ts'
import { createTempDir, type TempDir } from '../../support/temp-dir.ts'
import { runWaybill } from '../cli/run-waybill.ts'

let folder: TempDir
let authority: Authority
let server: PostgresServer
/** The common name is the user that PostgreSQL takes the client for. */
let user: Certificate

beforeAll(async () => {
  const owner = serverOwner()
  folder = await createTempDir('waybill-tls', owner)
  authority = await createAuthority(folder.path, 'authority')
  const certificate = await authority.issue('database', { names: ['DNS:localhost'], owner })
  user = await authority.issue('postgres', { names: ['DNS:relay.internal'] })
  server = await startPostgres({
    settings: {
      ssl: 'on',
      ssl_ca_file: authority.ca,
      ssl_cert_file: certificate.cert,
      ssl_key_file: certificate.key,
    },
  })
  // From here on nobody gets in without a certificate.
  writeFileSync(join(server.dataDir, 'pg_hba.conf'), 'hostssl all all 127.0.0.1/32 cert\n')
  process.kill(server.pid, 'SIGHUP')
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await folder.remove()
})

function databaseUrl(host: string, parameters: Readonly<Record<string, string>>): string {
  return `postgres://postgres@${host}:${String(server.port)}/postgres?${new URLSearchParams(parameters).toString()}`
}

function verified(given: Readonly<Record<string, string>> = {}): Record<string, string> {
  return { sslmode: 'verify-full', sslrootcert: authority.ca, sslcert: user.cert, sslkey: user.key, ...given }
}

describe('the relay process', () => {
  const migrate = async (url: string): Promise<{ code: number | null; said: string }> => {
    const { code, stdout, stderr } = await runWaybill(['migrate'], { WAYBILL_DATABASE_URL: url })
    return { code, said: stdout + stderr }
  }

  test('refuses a database of another name', async () => {
    const { code, said } = await migrate(databaseUrl('127.0.0.1', verified()))
    expect(said).toContain("does not match certificate's altnames")
    expect(code).not.toBe(0)
  })

  test('refuses a database of an authority that nobody named', async () => {
    const { sslrootcert: _, ...withoutAuthority } = verified()
    const { code, said } = await migrate(databaseUrl('localhost', withoutAuthority))
    expect(said).toMatch(
      /self-signed certificate in certificate chain|unable to verify the first certificate/,
    )
    expect(code).not.toBe(0)
  })

  test('says which file it cannot read', async () => {
    const { code, said } = await migrate(
      databaseUrl('localhost', verified({ sslrootcert: '/nowhere/ca.pem' })),
    )
    expect(said).toContain('/nowhere/ca.pem')
    expect(said).not.toContain('    at ')
    expect(code).not.toBe(0)
  })

  test('carries messages from database to broker with both sides verified', async () => {
    const port = await freePort()
    const certificate = await authority.issue('broker', { names: ['DNS:localhost'] })
    await using broker = await startRabbitmq({
      settings: {
        'listeners.ssl.default': `127.0.0.1:${String(port)}`,
        'ssl_options.cacertfile': authority.ca,
        'ssl_options.certfile': certificate.cert,
        'ssl_options.keyfile': certificate.key,
        'ssl_options.verify': 'verify_peer',
        'ssl_options.fail_if_no_peer_cert': 'true',
      },
    })
    const files = { cacertfile: authority.ca, certfile: user.cert, keyfile: user.key }
    const env = {
      WAYBILL_DATABASE_URL: databaseUrl('localhost', verified()),
      WAYBILL_AMQP_URL: `amqps://guest:guest@localhost:${String(port)}?${new URLSearchParams(files).toString()}`,
      WAYBILL_HEALTH_LISTEN: '127.0.0.1:0',
    }
    expect(await migrate(env.WAYBILL_DATABASE_URL)).toMatchObject({ code: 0 })
    const model = await connect(broker.url)
    const channel = await model.createChannel()
    await channel.assertExchange('orders.events', 'topic')
    await channel.assertQueue('arrivals')
    await channel.bindQueue('arrivals', 'orders.events', '#')
    const client = new pg.Client({ connectionString: env.WAYBILL_DATABASE_URL })
    await client.connect()
    await client.query(`select waybill.write('order.placed', '{}'::jsonb, null, 'orders')`)
    await client.end()
    await using relay = startChild('relay/main.ts', { args: ['relay'], env })
    await eventually(async () => (await channel.checkQueue('arrivals')).messageCount === 1)
    expect(await relay.kill('SIGTERM')).toEqual({ code: 0, signal: null })
    await model.close()
  })
})
