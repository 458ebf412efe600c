import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { resetSocket } from '../../../adapters/rabbitmq/socket.ts'
import { eventually } from '../../support/eventually.ts'

interface Pair extends AsyncDisposable {
  readonly client: Socket
  /** The peer, which reads nothing until it is told to. */
  readonly peer: Socket
  readonly events: readonly string[]
}

async function openPair(): Promise<Pair> {
  const peers: Socket[] = []
  const events: string[] = []
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    peers.push(socket)
    socket.on('error', (error) => events.push('code' in error ? String(error.code) : error.message))
    socket.on('end', () => events.push('end'))
    socket.on('close', () => events.push('close'))
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const client = connect({ host: '127.0.0.1', port: (server.address() as AddressInfo).port })
  client.on('error', () => undefined)
  const peer = await eventually(() => peers[0])
  return {
    client,
    peer,
    events,
    [Symbol.asyncDispose]: async () => {
      client.destroy()
      peer.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

test('a socket is reset, not closed in order', async () => {
  await using pair = await openPair()
  resetSocket(pair.client, null)
  pair.peer.resume()
  await eventually(() => pair.events.includes('close'))
  expect(pair.events).toEqual(['ECONNRESET', 'close'])
})

test('a socket is reset at once, however much is still to be written', async () => {
  await using pair = await openPair()
  pair.client.write(Buffer.alloc(64 * 1024 * 1024))
  expect(pair.client.writableLength).toBeGreaterThan(0)
  resetSocket(pair.client, null)
  expect(pair.client.destroyed).toBe(true)
  pair.peer.resume()
  await eventually(() => pair.events.includes('close'))
})

test('what cannot be reset itself is reset by what carries it', async () => {
  await using pair = await openPair()
  resetSocket(null, pair.client)
  pair.peer.resume()
  await eventually(() => pair.events.includes('close'))
  expect(pair.events).toEqual(['ECONNRESET', 'close'])
})

test('a socket may be reset twice', async () => {
  await using pair = await openPair()
  resetSocket(pair.client, null)
  resetSocket(pair.client, null)
  expect(pair.client.destroyed).toBe(true)
})

test('a socket that is just being closed in order is reset after that, and not left open for ever', async () => {
  await using pair = await openPair()
  const told: string[] = []
  pair.client.on('error', (error) => told.push('code' in error ? String(error.code) : error.message))
  pair.client.on('close', () => told.push('close'))
  pair.client.end()
  resetSocket(pair.client, null)
  await eventually(() => told.length > 0)
  expect(told).toEqual(['close'])
})
