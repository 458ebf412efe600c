import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'

/** Where middleware of a host leaves a body that it has read, as `express.json()` does. */
interface MaybeRead {
  readonly body?: unknown
}

/** The body of a request, once more when the host has read it already. */
export function readAgain<Payload extends Readable>(
  request: IncomingMessage,
  payload: Payload,
): Payload | Readable {
  const { body } = request as MaybeRead
  if (!request.readableEnded || body === undefined) return payload
  const stream = Readable.from([typeof body === 'string' ? body : JSON.stringify(body)])
  // Written anew it may have another length than the header says.
  return Object.assign(stream, { receivedEncodedLength: Number(request.headers['content-length'] ?? 0) })
}
