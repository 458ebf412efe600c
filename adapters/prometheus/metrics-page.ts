import { Registry, type Metric as RegisteredMetric, type OpenMetricsContentType } from 'prom-client'

export interface MetricsPage {
  readonly contentType: string
  readonly text: string
}

type JsonMetric = Awaited<ReturnType<Registry['getMetricsAsJSON']>>[number]

/**
 * What a registry exports, in the format that is asked for: OpenMetrics, which has exemplars, for those who accept it, and
 * else the text format that all tools read.
 *
 * @param accept of the request.
 */
export async function metricsPage(registry: Registry, accept = ''): Promise<MetricsPage> {
  const asked = accept.includes('application/openmetrics-text') ? await openMetricsOf(registry) : registry
  return { contentType: asked.contentType, text: await asked.metrics() }
}

/**
 * A registry of the same values for one answer. A registry of prom-client has one format, and in that of OpenMetrics it
 * renames its counters for good.
 */
async function openMetricsOf(registry: Registry): Promise<Registry<OpenMetricsContentType>> {
  const open = new Registry<OpenMetricsContentType>()
  open.setContentType(Registry.OPENMETRICS_CONTENT_TYPE)
  for (const metric of await registry.getMetricsAsJSON()) {
    const named: JsonMetric = { ...metric, name: familyOf(metric) }
    const answer = {
      name: named.name,
      type: named.type,
      get: () => Promise.resolve(named),
      reset: () => undefined,
    }
    open.registerMetric(answer as unknown as RegisteredMetric)
  }
  return open
}

/** OpenMetrics adds `_total` to the name of a counter itself. */
function familyOf({ name, type }: JsonMetric): string {
  return String(type) === 'counter' ? name.replace(/_total$/, '') : name
}
