import { connect as connectSocket, type Socket } from 'node:net'
import { connect, type ChannelModel, type SocketOptions } from 'amqplib'
import { WaybillError } from '../../src/index.ts'
import { deferred } from './deferred.ts'
import { catchEarlyErrors, CLIENT_PROPERTY } from './early-errors.ts'
import { toError, unavailable } from './failure.ts'
import { guardFrames } from './frame-guard.ts'
import { urlFault } from './check.ts'
import type { ResolvedOptions } from './options.ts'
import { readTls, tlsFault } from './tls.ts'

/** An open connection of amqplib, and the plain socket that its TLS runs over, if any. */
export interface Dialled {
  readonly model: ChannelModel
  readonly carrier: Socket | null
}

const KEEP_ALIVE_DELAY_MS = 30_000
const DEFAULT_PORT: Readonly<Record<string, number>> = { 'amqp:': 5672, 'amqps:': 5671 }

/**
 * Asks for the address and opens a connection. Gives up after `connectTimeoutMs` or when `signal` aborts, with the
 * socket destroyed; without that a frozen broker would hold it for ever.
 */
export async function dial(options: ResolvedOptions, signal: AbortSignal): Promise<Dialled> {
  const attempt = new AbortController()
  const giveUp = deferred<never>()
  const end = (error: Error): void => {
    giveUp.reject(error)
    attempt.abort()
  }
  const onAbort = (): void => {
    end(unavailable('The connection is no longer wanted.'))
  }
  const cancel = options.clock.after(options.connectTimeoutMs, () => {
    end(unavailable(`The broker did not open a connection within ${String(options.connectTimeoutMs)} ms.`))
  })
  signal.addEventListener('abort', onAbort)
  if (signal.aborted) onAbort()
  try {
    return await Promise.race([open(options, attempt.signal), giveUp.promise])
  } finally {
    cancel()
    signal.removeEventListener('abort', onAbort)
  }
}

async function open(options: ResolvedOptions, signal: AbortSignal): Promise<Dialled> {
  const url = await options.url()
  const fault = urlFault(url) ?? tlsFault(url, options.tls)
  if (fault !== null) {
    throw new WaybillError('WAYBILL_OPTION_INVALID', { problem: `The address of the broker ${fault}.` })
  }
  const tls = await readTls(url, options.tls)
  const carrier = url.startsWith('amqps:') ? plainSocket(url, signal) : null
  const socketOptions: SocketOptions & { signal: AbortSignal } = { signal }
  Object.assign(socketOptions, tls, {
    noDelay: true,
    keepAlive: true,
    keepAliveDelay: KEEP_ALIVE_DELAY_MS,
    clientProperties: { connection_name: options.connectionName, [CLIENT_PROPERTY]: true },
  })
  if (carrier !== null) socketOptions.socket = carrier
  catchEarlyErrors()
  try {
    const model = await connect(withHeartbeat(url, options.heartbeatMs), socketOptions)
    // Without a listener an error before the session has its own would end the process.
    model.on('error', () => undefined)
    guardFrames(model)
    await refuseSmallFrames(model)
    return { model, carrier }
  } catch (error) {
    carrier?.destroy()
    throw toError(error)
  }
}

/**
 * A message's properties and headers travel in one frame, and a broker ends the connection for one that is too large:
 * 64 KiB of headers, the most that amqplib encodes, five short texts of 256 bytes each, and what is around them.
 */
const LEAST_FRAME_BYTES = 67 * 1024

async function refuseSmallFrames(model: ChannelModel): Promise<void> {
  const { connection } = model
  const agreed: unknown = 'frameMax' in connection ? connection.frameMax : null
  if (typeof agreed !== 'number' || agreed >= LEAST_FRAME_BYTES) return
  await model.close()
  throw new WaybillError('WAYBILL_UNSUPPORTED', {
    problem: `RabbitMQ and this connection agreed on frames of at most ${String(agreed)} bytes.`,
    wanted: `The headers of a message need up to ${String(LEAST_FRAME_BYTES)}, in one frame.`,
    remedy: 'Take frame_max out of the configuration of the broker, and frameMax out of its address.',
  })
}

function withHeartbeat(url: string, heartbeatMs: number): string {
  const parsed = new URL(url)
  if (!parsed.searchParams.has('heartbeat')) parsed.searchParams.set('heartbeat', String(heartbeatMs / 1000))
  return parsed.href
}

/** Opened by us and not by the TLS layer, because only a plain socket can be reset. */
function plainSocket(url: string, signal: AbortSignal): Socket {
  const { hostname, port, protocol } = new URL(url)
  const host = hostname.replace(/^\[|\]$/g, '')
  const socket = connectSocket({ host, port: Number(port) || (DEFAULT_PORT[protocol] ?? 0), signal })
  // The TLS layer above is told by the end of the stream; without a listener the process would end instead.
  socket.on('error', () => undefined)
  return socket
}
