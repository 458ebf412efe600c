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
  'an empty name': { connectionName: '' },
}

test.each(Object.entries(invalid))('refuses %s when it is given', (_, given) => {
  const options = { url: URL, ...given } as unknown as RabbitmqOptions
  expect(() => rabbitmq(options)).toThrow(expect.objectContaining({ code: 'WAYBILL_OPTION_INVALID' }))
})

test('no error repeats the address, as it holds a password', () => {
  try {
    rabbitmq({ url: 'http://me:hunter2@localhost' })
    expect.unreachable()
  } catch (error) {
    expect(String(error)).not.toContain('hunter2')
  }
})
