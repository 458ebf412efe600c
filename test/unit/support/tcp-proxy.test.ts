import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts'

interface Setup extends AsyncDisposable {
  readonly proxy: TcpProxy
  readonly client: Socket
  /** What came back so far. */
  received(): string
}

/** A server that says everything twice, a proxy before it, and one client. */
async function setup(): Promise<Setup> {
  const echo = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.on('data', (bytes) => socket.write(`${bytes.toString()}${bytes.toString()}`))
  })
  echo.listen(0, '127.0.0.1')
  await once(echo, 'listening')
  const proxy = await startTcpProxy({ host: '127.0.0.1', port: (echo.address() as AddressInfo).port })
  const client = connect(proxy.port, '127.0.0.1')
  await once(client, 'connect')
  let text = ''
  client.on('data', (bytes) => {
    text += bytes.toString()
  })
  return {
    proxy,
    client,
    received: () => text,
    [Symbol.asyncDispose]: async () => {
      await proxy.close()
      echo.close()
    },
  }
}

it('passes bytes in both directions and knows its URL', async () => {
  await using test = await setup()
  test.client.write('ab')
  await eventually(() => test.received() === 'abab')
  expect(test.proxy.connections).toBe(1)
  expect(test.proxy.url('amqp://guest:guest@localhost:5672/x')).toBe(
    `amqp://guest:guest@127.0.0.1:${test.proxy.port}/x`,
  )
})

it('resets connections as a crash does', async () => {
  await using test = await setup()
  const failed = once(test.client, 'error')
  await eventually(() => test.proxy.connections === 1)
  test.proxy.reset()
  expect(await failed).toMatchObject([{ code: 'ECONNRESET' }])
  await eventually(() => test.proxy.connections === 0)
})

it('severs connections in order', async () => {
  await using test = await setup()
  const ended = once(test.client, 'end')
  await eventually(() => test.proxy.connections === 1)
  test.proxy.sever()
  await ended
})

it.each(['up', 'down', 'both'] as const)('holds back what goes %s, and lets it go on', async (direction) => {
  await using test = await setup()
  test.proxy.blackhole(direction)
  test.client.write('x')
  await sleep(50)
  expect(test.received()).toBe('')
  test.proxy.blackhole('none')
  await eventually(() => test.received() === 'xx')
})

it('delays what passes', async () => {
  await using test = await setup()
  test.proxy.latency(40)
  const before = performance.now()
  test.client.write('x')
  await eventually(() => test.received() === 'xx')
  expect(performance.now() - before).toBeGreaterThan(75)
})

it('lets nothing that waits less overtake what waits', async () => {
  await using test = await setup()
  await eventually(() => test.proxy.connections === 1)
  test.proxy.latency(60)
  test.client.write('a')
  await eventually(() => test.client.bytesWritten === 1)
  // Longer than the system needs to hand it to the proxy, shorter than the wait.
  await sleep(20)
  test.proxy.latency(0)
  test.client.write('b')
  await eventually(() => test.received().length === 4)
  // Says each piece twice, of which there may be one or two.
  expect(test.received()).toMatch(/^(aabb|abab)$/)
})

it('breaks a connection off after so many bytes, and then no more', async () => {
  await using test = await setup()
  test.proxy.cutAfter({ direction: 'up', bytes: 3 })
  const client = connect(test.proxy.port, '127.0.0.1')
  const failed = once(client, 'error')
  client.write('ab')
  await once(client, 'data')
  client.write('c')
  expect(await failed).toMatchObject([{ code: 'ECONNRESET' }])
  test.proxy.cutAfter(null)
  test.client.write('abcd')
  await eventually(() => test.received() === 'abcdabcd')
})
