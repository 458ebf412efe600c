import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

/** A span as it was exported. */
export interface ReceivedSpan {
  readonly service: string
  /** What has made it. */
  readonly scope: string
  readonly name: string
  readonly kind: number
  readonly traceId: string
  readonly spanId: string
  /** Empty of a root. */
  readonly parentSpanId: string
  readonly links: readonly { readonly traceId: string; readonly spanId: string; readonly kind: unknown }[]
  readonly attributes: Readonly<Record<string, unknown>>
  readonly events: readonly string[]
  readonly failed: boolean
}

/** A collector of OpenTelemetry for JSON over HTTP, which keeps what it is sent. */
export interface OtlpReceiver extends AsyncDisposable {
  readonly url: string
  readonly spans: readonly ReceivedSpan[]
  readonly metrics: ReadonlySet<string>
  /** Requests that came, answered or not. */
  readonly requests: number
  /** For the environment of a process that exports to it, without delay. */
  readonly env: Readonly<Record<string, string>>
}

/** @param options.hangs takes requests and never answers. */
export async function startOtlpReceiver(options: { readonly hangs?: boolean } = {}): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = []
  const metrics = new Set<string>()
  let requests = 0
  const server = createServer((request, response) => {
    requests += 1
    void text(request).then((body) => {
      if (options.hangs === true) return
      const sent = JSON.parse(body) as Sent
      for (const resource of sent.resourceSpans ?? []) spans.push(...spansOf(resource))
      for (const { scopeMetrics } of sent.resourceMetrics ?? [])
        for (const { metrics: all } of scopeMetrics) for (const { name } of all) metrics.add(name)
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`
  return {
    ...{ url, spans, metrics },
    get requests() {
      return requests
    },
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_BSP_SCHEDULE_DELAY: '50',
      OTEL_METRIC_EXPORT_INTERVAL: '200',
      OTEL_METRIC_EXPORT_TIMEOUT: '200',
      OTEL_LOGS_EXPORTER: 'none',
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

interface Sent {
  readonly resourceSpans?: readonly SentResource[]
  readonly resourceMetrics?: readonly {
    readonly scopeMetrics: readonly { readonly metrics: readonly { readonly name: string }[] }[]
  }[]
}

interface SentResource {
  readonly resource: { readonly attributes: readonly SentAttribute[] }
  readonly scopeSpans: readonly {
    readonly scope: { readonly name: string }
    readonly spans: readonly SentSpan[]
  }[]
}

interface SentSpan {
  readonly name: string
  readonly kind: number
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly attributes: readonly SentAttribute[]
  readonly links?: readonly {
    readonly traceId: string
    readonly spanId: string
    readonly attributes?: readonly SentAttribute[]
  }[]
  readonly events?: readonly { readonly name: string }[]
  readonly status?: { readonly code?: number }
}

interface SentAttribute {
  readonly key: string
  readonly value: Readonly<Record<string, unknown>>
}

const FAILED = 2

function spansOf({ resource, scopeSpans }: SentResource): ReceivedSpan[] {
  const service = String(attributesOf(resource.attributes)['service.name'])
  return scopeSpans.flatMap(({ scope, spans }) =>
    spans.map(({ name, kind, traceId, spanId, parentSpanId = '', attributes, links = [], ...rest }) => ({
      ...{ service, scope: scope.name, name, kind, traceId, spanId, parentSpanId },
      attributes: attributesOf(attributes),
      links: links.map((link) => ({
        ...{ traceId: link.traceId, spanId: link.spanId },
        kind: attributesOf(link.attributes ?? [])['outbox.link.kind'],
      })),
      events: (rest.events ?? []).map((event) => event.name),
      failed: rest.status?.code === FAILED,
    })),
  )
}

function attributesOf(given: readonly SentAttribute[]): Record<string, unknown> {
  return Object.fromEntries(given.map(({ key, value }) => [key, Object.values(value)[0]]))
}
