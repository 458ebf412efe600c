import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { Observed } from './observe.ts'
import type { Settings } from './settings.ts'

export interface HealthServerOptions extends Pick<Settings, 'listen'> {
  readonly observed: Pick<Observed, 'metrics'>
  /** Whether the service does its work. */
  readonly isReady: () => boolean
}

/** Serves `/metrics`, `/livez` and `/readyz`. A service of yours adds them to the server that it has. */
export async function startHealthServer(options: HealthServerOptions): Promise<{ close(): Promise<void> }> {
  const server = createServer((request, response) => {
    if (request.url === '/metrics') void sendMetrics(options, response, request.headers.accept)
    else if (request.url === '/livez') answer(response, 200, 'It is alive.')
    else if (request.url === '/readyz') answer(response, ...readiness(options))
    else answer(response, 404, 'Nothing is here.')
  })
  server.listen(options.listen)
  await once(server, 'listening')
  return {
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

const readiness = ({ isReady }: HealthServerOptions): [status: number, text: string] =>
  isReady() ? [200, 'It is ready.'] : [503, 'It is not ready.']

async function sendMetrics(
  { observed }: HealthServerOptions,
  response: ServerResponse,
  accept: string | undefined,
): Promise<void> {
  try {
    const { contentType, text } = await observed.metrics(accept)
    response.setHeader('content-type', contentType).end(text)
  } catch (error) {
    answer(response, 500, String(error))
  }
}

function answer(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${text}\n`)
}
