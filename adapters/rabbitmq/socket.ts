import { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { ChannelModel } from 'amqplib'

/**
 * The socket under a connection. amqplib closes it in order and no faster, so a dead peer would keep it open for
 * minutes; we have to be able to end it at once. It is not part of amqplib's types: should it ever be missing, closing
 * in order is what remains.
 */
export function socketOf(model: ChannelModel): Socket | null {
  const { connection } = model
  if (!('stream' in connection)) return null
  return connection.stream instanceof Socket ? connection.stream : null
}

/**
 * Ends a socket so that the peer drops even what it has received and not yet read: by a TCP reset. Closing in order
 * would deliver that later, see `PublisherPort.reset`.
 *
 * @param carrier the socket that TLS runs over; TLS itself cannot be reset
 */
export function resetSocket(socket: Socket | null, carrier: Socket | null): void {
  if (carrier !== null && !carrier.destroyed) reset(carrier)
  if (socket === null || socket.destroyed) return
  if (socket instanceof TLSSocket) socket.destroy()
  else reset(socket)
}

/**
 * libuv refuses to reset a socket while it is being shut down, and Node.js then never closes it: the process could not exit.
 * Once all is sent that takes one turn of the event loop.
 */
function reset(socket: Socket): void {
  const isShuttingDown = socket.writableEnded && !socket.writableFinished && socket.writableLength === 0
  if (isShuttingDown) socket.once('finish', () => socket.resetAndDestroy())
  else socket.resetAndDestroy()
}
