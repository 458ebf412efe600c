import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { WaybillError } from '../../src/index.ts'
import { systemClock } from '../../src/ports.ts'
import { PROBLEMS } from './problems/codes.ts'
import { PROBLEM_JSON } from './problems/problem.ts'

export interface ListenAddress {
  readonly host: string
  /** 0 takes any free one. */
  readonly port: number
}

export interface AdminServer {
  readonly address: ListenAddress
  /** Takes nothing new, lets what is under way end for two seconds, then breaks it off. */
  close(): Promise<void>
}

const TIMEOUTS = { requestTimeout: 30_000, headersTimeout: 10_000, keepAliveTimeout: 5000 } as const

/** How long what is under way may take when the server closes; who reads slowly must not keep a relay from stopping. */
const FAREWELL_MS = 2000

/** @throws WaybillError WAYBILL_CONFIGURATION_INVALID when the address cannot be bound. */
export async function listen(
  handler: (request: IncomingMessage, response: ServerResponse) => void,
  address: ListenAddress,
): Promise<AdminServer> {
  const server = createServer(TIMEOUTS, handler)
  server.on('clientError', answerNonsense)
  await bind(server, address)
  const bound = server.address() as AddressInfo
  return {
    address: { host: bound.address, port: bound.port },
    close: () =>
      new Promise((resolve) => {
        const breakOff = systemClock.after(FAREWELL_MS, () => {
          server.closeAllConnections()
        })
        server.close(() => {
          breakOff()
          resolve()
        })
        server.closeIdleConnections()
      }),
  }
}

async function bind(server: Server, { host, port }: ListenAddress): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host, port }, () => {
        server.off('error', reject)
        resolve()
      })
    })
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error'
    throw new WaybillError('WAYBILL_CONFIGURATION_INVALID', {
      problem: `The address ${host}:${port} for the admin API cannot be listened on (${code}).`,
      remedy: 'Set WAYBILL_ADMIN_LISTEN to a free address of this machine.',
      cause,
    })
  }
}

/** What is no HTTP never becomes a request. */
function answerNonsense(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const { status, title } = PROBLEMS.invalid_request
  const body = JSON.stringify({
    type: 'urn:waybill:problem:invalid_request',
    title,
    status,
    code: 'invalid_request',
  })
  socket.end(
    [
      'HTTP/1.1 400 Bad Request',
      `content-type: ${PROBLEM_JSON}`,
      `content-length: ${Buffer.byteLength(body)}`,
      'connection: close',
      '',
      body,
    ].join('\r\n'),
  )
}
