import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WaybillError } from '../../src/index.ts'

/** One thing that was looked at, and how it was found. */
export interface HealthCheck {
  readonly name: string
  /** `degraded` is worth a look and no reason to take the relay out. */
  readonly state: 'ok' | 'degraded' | 'failed'
  readonly reason?: string
}

/** The paths that are served; the image's HEALTHCHECK and docker-compose.yml name them. */
export const HEALTH_PATHS = { live: '/livez', ready: '/readyz', metrics: '/metrics' } as const

export interface HealthServerOptions {
  readonly listen: { readonly host: string; readonly port: number }
  /** Whether the loops of the process turn. Must not throw, and must not ask another server. */
  readonly live: () => readonly HealthCheck[]
  /** Whether the relay can do its work. Must not throw. */
  readonly ready: () => readonly HealthCheck[]
  /** What Prometheus reads, in a format that the one who asks accepts. */
  readonly metrics: (accept: string) => Promise<{ readonly contentType: string; readonly text: string }>
}

export interface HealthServer {
  readonly address: { readonly host: string; readonly port: number }
  /** Ends the listening and all its connections. */
  close(): Promise<void>
}

/**
 * Serves the two checks on a port of their own.
 * @throws WaybillError WAYBILL_CONFIGURATION_INVALID when the address cannot be bound.
 */
export async function startHealthServer(options: HealthServerOptions): Promise<HealthServer> {
  const server = createServer(
    { requestTimeout: 5000, headersTimeout: 5000, keepAliveTimeout: 5000 },
    (request, response) => {
      answer(options, request, response)
    },
  )
  await listen(server, options.listen)
  const { address, port } = server.address() as AddressInfo
  return {
    address: { host: address, port },
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve()
        })
        server.closeAllConnections()
      }),
  }
}

async function listen(server: Server, { host, port }: HealthServerOptions['listen']): Promise<void> {
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
      problem: `The address ${host}:${port} for health checks cannot be listened on (${code}).`,
      remedy: 'Set WAYBILL_HEALTH_LISTEN to a free address of this machine.',
      cause,
    })
  }
}

function answer(options: HealthServerOptions, request: IncomingMessage, response: ServerResponse): void {
  const path = request.url?.split('?', 1)[0]
  const answers: Readonly<Record<string, (() => void) | undefined>> = {
    [HEALTH_PATHS.live]: () => report(response, options.live()),
    [HEALTH_PATHS.ready]: () => report(response, options.ready()),
    [HEALTH_PATHS.metrics]: () => void sendMetrics(options, request, response),
  }
  const given = path === undefined ? undefined : answers[path]
  if (given === undefined) {
    send(response, 404, { error: `Nothing is here. Served: ${Object.values(HEALTH_PATHS).join(', ')}.` })
  } else if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD')
    send(response, 405, { error: 'Only GET and HEAD are answered.' })
  } else {
    given()
  }
}

async function sendMetrics(
  { metrics }: HealthServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const { contentType, text } = await metrics(request.headers.accept ?? '')
    write(response, 200, { contentType, text })
  } catch (error) {
    send(response, 500, { error: `The metrics cannot be read: ${String(error)}` })
  }
}

function report(response: ServerResponse, checks: readonly HealthCheck[]): void {
  const failed = checks.some(({ state }) => state === 'failed')
  const degraded = checks.some(({ state }) => state === 'degraded')
  send(response, failed ? 503 : 200, { status: failed ? 'failed' : degraded ? 'degraded' : 'ok', checks })
}

/** node:http leaves the body out of an answer to HEAD by itself. */
function send(response: ServerResponse, status: number, body: object): void {
  write(response, status, {
    contentType: 'application/json; charset=utf-8',
    text: `${JSON.stringify(body)}\n`,
  })
}

function write(
  response: ServerResponse,
  status: number,
  { contentType, text }: { readonly contentType: string; readonly text: string },
): void {
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
  })
  response.end(text)
}
