import { copyFileSync, readFileSync } from 'node:fs'
import { connect as connectSocket } from 'node:net'
import { join } from 'node:path'
import { createServer } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RabbitmqOptions } from '../../../adapters/rabbitmq/index.ts'
import { outgoing, probePublisher } from '../../../testing/contracts/transport-subject.ts'
import { createAuthority, type Authority, type Certificate } from '../../support/certificates.ts'
import { eventually } from '../../support/eventually.ts'
import { freePort } from '../../support/free-port.ts'
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts'
import { createTempDir, type TempDir } from '../../support/temp-dir.ts'
import { createWorld, recordedLogger, type World } from './world.ts'

let folder: TempDir
let authority: Authority
let stranger: Authority
let client: Certificate
let world: World
let proxy: TcpProxy
/** Of the broker, which wants a certificate of its clients. */
let url: string
/** What a client needs for it. */
let tls: NonNullable<RabbitmqOptions['tls']>

beforeAll(async () => {
  folder = await createTempDir('waybill-tls')
  authority = await createAuthority(folder.path, 'authority')
  stranger = await createAuthority(folder.path, 'stranger')
  const server = await authority.issue('server', { names: ['DNS:localhost', 'IP:127.0.0.1'] })
  client = await authority.issue('client', { names: ['DNS:relay.internal'] })
  const port = await freePort()
  world = await createWorld({
    settings: {
      'listeners.ssl.default': `127.0.0.1:${String(port)}`,
      'ssl_options.cacertfile': authority.ca,
      'ssl_options.certfile': server.cert,
      'ssl_options.keyfile': server.key,
      'ssl_options.verify': 'verify_peer',
      'ssl_options.fail_if_no_peer_cert': 'true',
    },
  })
  proxy = await startTcpProxy({ host: '127.0.0.1', port })
  url = proxy.url(world.broker.url.replace('amqp:', 'amqps:'))
  tls = { ca: readFileSync(authority.ca), ...keyPair(client) }
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
  await proxy.close()
  await folder.remove()
})

function keyPair({ cert, key }: Certificate): { cert: Buffer; key: Buffer } {
  return { cert: readFileSync(cert), key: readFileSync(key) }
}

test('TLS connections are reset as hard as plain ones', async () => {
  await world.bind('secure', 'orders.events')
  const probe = probePublisher(world.transport({ url, tls }))
  await probe.reaches('ready')
  const first = outgoing()
  probe.publish(first)
  expect(await probe.settled([first])).toEqual(['confirmed'])

  await world.broker.eval('rabbit_alarm:set_alarm({{resource_limit, memory, node()}, []})')
  const messages = Array.from({ length: 100 }, () => outgoing())
  for (const message of messages) probe.publish(message)
  await probe.reaches('blocked')
  const resets = proxy.connections
  probe.publisher.reset()
  expect(new Set(await probe.settled(messages))).toContain('unknown')
  await eventually(() => proxy.connections <= resets)
  await world.broker.eval('rabbit_alarm:clear_alarm({resource_limit, memory, node()})')
  await probe.reaches('ready')
  const last = outgoing()
  probe.publish(last)
  expect(await probe.settled([last])).toEqual(['confirmed'])
  const arrived = await world.takeAll('secure')
  expect(arrived).toContain(last.messageId)
  expect(arrived.length).toBeLessThan(messages.length)
  await probe.publisher.close()
  await eventually(() => proxy.connections === 0)
})

/** The second where the server does not send the certificate of its authority along. */
const UNKNOWN_AUTHORITY =
  /until somebody changes something.*(self-signed certificate in certificate chain|unable to verify the first certificate)/

describe('nothing is sent to a broker', () => {
  /** It never becomes ready; resolves with what was logged about it. */
  const refused = async (options: Partial<RabbitmqOptions>): Promise<string> => {
    const logger = recordedLogger()
    const probe = probePublisher(world.transport({ url, logger, ...options }))
    await eventually(() => logger.lines.filter(({ fields }) => 'err' in fields).length >= 2)
    await probe.publisher.close()
    expect(probe.states).toEqual(['closed'])
    return logger.text()
  }

  test('whose authority nobody named', async () => {
    expect(await refused({})).toMatch(UNKNOWN_AUTHORITY)
  })

  test('of another authority', async () => {
    const options = { tls: { ...tls, ca: readFileSync(stranger.ca) } }
    expect(await refused(options)).toMatch(UNKNOWN_AUTHORITY)
  })

  test('of another name', async () => {
    const options = { tls: { ...tls, servername: 'rabbit.internal' } }
    expect(await refused(options)).toContain("Host: rabbit.internal. is not in the cert's altnames")
  })

  test('of another address', async () => {
    await using front = await startFront({ names: ['IP:10.0.0.7', 'DNS:localhost'] })
    expect(await refused({ url: front.url, tls })).toContain("IP: 127.0.0.1 is not in the cert's list")
  })

  test('whose certificate has expired', async () => {
    await using front = await startFront({ names: ['IP:127.0.0.1'], expired: true })
    expect(await refused({ url: front.url, tls })).toContain('certificate has expired')
  })

  test('that wants to know who is there, without a certificate or with one of another authority', async () => {
    await refused({ tls: { ca: readFileSync(authority.ca) } })
    const unknown = await stranger.issue('unknown', { names: ['DNS:relay.internal'] })
    await refused({ tls: { ca: readFileSync(authority.ca), ...keyPair(unknown) } })
  })

  test('in the clear, though the address that is asked for wants it so', async () => {
    const text = await refused({ url: () => world.broker.url, tls })
    expect(text).toContain('begins with amqp:, which is not encrypted')
  })
})

/** The broker, by way of a server with a certificate of its own. */
async function startFront(
  options: Parameters<Authority['issue']>[1],
): Promise<AsyncDisposable & { readonly url: string }> {
  const certificate = await authority.issue(`front-${String(options.expired ?? false)}`, options)
  const server = createServer(keyPair(certificate), (secured) => {
    const plain = connectSocket({ host: '127.0.0.1', port: world.broker.port })
    secured.on('error', () => plain.destroy()).pipe(plain)
    plain.on('error', () => secured.destroy()).pipe(secured)
  })
  const port = await freePort()
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return {
    url: `amqps://guest:guest@127.0.0.1:${String(port)}`,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve()
        })
      }),
  }
}

test('an address may name the files, which are read for each connection', async () => {
  const renewed = join(folder.path, 'renewed.pem')
  const files = { cacertfile: renewed, certfile: client.cert, keyfile: client.key, verify: 'verify_peer' }
  const logger = recordedLogger()
  const address = `${url}?${new URLSearchParams(files).toString()}&server_name_indication=localhost`
  const probe = probePublisher(world.transport({ url: address, logger }))
  await eventually(() =>
    logger.text().includes('that cacertfile in the address of the broker names cannot be read'),
  )
  copyFileSync(stranger.ca, renewed)
  await eventually(() => UNKNOWN_AUTHORITY.test(logger.text()))
  expect(probe.states).toEqual([])
  copyFileSync(authority.ca, renewed)
  await probe.reaches('ready')
  await probe.publisher.close()
})
