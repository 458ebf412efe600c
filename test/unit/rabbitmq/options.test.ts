import { expect, test } from 'vitest'
import { rabbitmq, type RabbitmqOptions } from '../../../adapters/rabbitmq/index.ts'
import { resolveOptions } from '../../../adapters/rabbitmq/options.ts'

const URL = 'amqp://guest:secret@localhost'

test('only the address is needed', async () => {
  const options = resolveOptions({ url: URL })
  expect(await options.url()).toBe(URL)
  expect(options).toMatchObject({
    heartbeatMs: 5000,
    connectTimeoutMs: 10_000,
    confirmTimeoutMs: 5000,
    blockedMaxMs: 600_000,
    topology: 'declare',
    deliveryLimit: 20,
    maxMessageBytes: 16_777_216,
    reconnect: { baseMs: 200, maxMs: 30_000 },
  })
  expect(options.cloudEvents('any')).toBe(true)
})

test('an address may be asked for', async () => {
  const options = resolveOptions({ url: () => Promise.resolve(URL) })
  expect(await options.url()).toBe(URL)
})

test('CloudEvents can be switched off for all or some exchanges', () => {
  expect(resolveOptions({ url: URL, cloudEvents: false }).cloudEvents('a')).toBe(false)
  const { cloudEvents } = resolveOptions({ url: URL, cloudEvents: { exceptExchanges: ['a'] } })
  expect([cloudEvents('a'), cloudEvents('b')]).toEqual([false, true])
})

const invalid: Readonly<Record<string, Record<string, unknown>>> = {
  'no address': { url: undefined },
  'an address of another protocol': { url: 'http://localhost' },
  'an address that is none': { url: 'localhost:5672 secret' },
  'an unknown option': { prefetchCount: 7 },
  'a heartbeat of half a second': { heartbeatMs: 500 },
  'a heartbeat between seconds': { heartbeatMs: 1500 },
  'no heartbeat': { heartbeatMs: 0 },
  'a time limit that is none': { confirmTimeoutMs: Number.POSITIVE_INFINITY },
  'a negative time limit': { closeTimeoutMs: -1 },
  'a text as time limit': { connectTimeoutMs: '10s' },
  'a delivery limit that RabbitMQ 3 takes for none at all': { deliveryLimit: -1 },
  'a delivery limit of zero': { deliveryLimit: 0 },
  'an unknown mode': { topology: 'create' },
  'an odd CloudEvents setting': { cloudEvents: { exceptExchanges: 'a' } },
  'a message limit of zero': { maxMessageBytes: 0 },
  'a longest wait below the shortest': { reconnect: { baseMs: 500, maxMs: 100 } },
  'an unknown name in reconnect': { reconnect: { baseMs: 1, factor: 2 } },
  'a number for reconnect': { reconnect: 500 },
  'an unknown name in cloudEvents': { cloudEvents: { exceptExchanges: [], prefix: 'ce-' } },
  'a logger that cannot warn': { logger: { debug: String, info: String, error: String } },
  'a clock that is none': { clock: Date },
  'an empty name': { connectionName: '' },
  'a name that is no text': { connectionName: 7 },
  'TLS for an address without it': { tls: { ca: 'PEM' } },
  'files for TLS in an address without it': { url: 'amqp://localhost?cacertfile=/ca.pem' },
  'an address that wants nothing verified': { url: 'amqps://localhost?verify=verify_none' },
  'an unknown name in tls': { url: 'amqps://localhost', tls: { cacert: 'PEM' } },
  'a text for tls': { url: 'amqps://localhost', tls: 'PEM' },
  'TLS with anybody': { url: 'amqps://localhost', tls: { rejectUnauthorized: false } },
}

test.each(Object.entries(invalid))('refuses %s when it is given', (_, given) => {
  const options = { url: URL, ...given } as unknown as RabbitmqOptions
  expect(() => rabbitmq(options)).toThrow(expect.objectContaining({ code: 'WAYBILL_OPTION_INVALID' }))
})

test('refuses no options at all', () => {
  const none = undefined as unknown as RabbitmqOptions
  expect(() => rabbitmq(none)).toThrow(expect.objectContaining({ code: 'WAYBILL_OPTION_INVALID' }))
})

test('takes what TLS needs', () => {
  const tls = { ca: 'PEM', cert: 'PEM', key: 'PEM', passphrase: 'x', servername: 'rabbit.internal' }
  expect(resolveOptions({ url: 'amqps://10.0.0.7', tls }).tls).toEqual(tls)
})

test('no error repeats the address, as it holds a password', () => {
  try {
    rabbitmq({ url: 'http://me:hunter2@localhost' })
    expect.unreachable()
  } catch (error) {
    expect(String(error)).not.toContain('hunter2')
  }
})
