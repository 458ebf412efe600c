import { execFileSync } from 'node:child_process'
import { chmodSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { outgoing, probePublisher } from '../../../testing/contracts/transport-subject.ts'
import { eventually } from '../../support/eventually.ts'
import { freePort } from '../../support/free-port.ts'
import { startTcpProxy } from '../../support/tcp-proxy.ts'
import { createTempDir } from '../../support/temp-dir.ts'
import { createWorld, recordedLogger } from './world.ts'

function selfSigned(folder: string): { readonly cert: string; readonly key: string } {
  const cert = join(folder, 'cert.pem')
  const key = join(folder, 'key.pem')
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  const args = [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '2',
    '-keyout',
    key,
    '-out',
    cert,
    ...subject,
  ]
  execFileSync('openssl', args, { stdio: 'ignore' })
  chmodSync(key, 0o644)
  return { cert, key }
}

test('TLS connections are checked, and reset as hard as plain ones', async () => {
  await using folder = await createTempDir('waybill-tls')
  const { cert, key } = selfSigned(folder.path)
  const port = await freePort()
  await using world = await createWorld({
    settings: {
      'listeners.ssl.default': `127.0.0.1:${String(port)}`,
      'ssl_options.cacertfile': cert,
      'ssl_options.certfile': cert,
      'ssl_options.keyfile': key,
      'ssl_options.verify': 'verify_none',
      'ssl_options.fail_if_no_peer_cert': 'false',
    },
  })
  await using proxy = await startTcpProxy({ host: '127.0.0.1', port })
  await world.bind('secure', 'orders.events')
  const url = proxy.url(world.broker.url.replace('amqp:', 'amqps:'))

  const logger = recordedLogger()
  const distrusting = probePublisher(world.transport({ url, logger }))
  await eventually(() => logger.text().includes('self-signed certificate'))
  expect(distrusting.states).toEqual([])
  await distrusting.publisher.close()

  const probe = probePublisher(world.transport({ url, tls: { ca: readFileSync(cert) } }))
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
