import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { readSettings, SETTING_NAMES } from '../../examples/orders-credit/settings.ts'
import { COMMANDS } from '../../relay/cli/commands.ts'
import { readConfig, KNOWN_NAMES } from '../../relay/config.ts'
import { databasesOf, outboxName } from '../../relay/config/databases.ts'
import { compose, environmentOf, portsOf, serviceOf } from '../support/compose-file.ts'
import { dockerfile } from './dockerfile.ts'
import { checkHealthCommand } from './health-command.ts'
import { textOf } from './repository.ts'

const names = Object.keys(compose.services)
const of = (image: string): string[] => names.filter((name) => serviceOf(name).image === image)

const WAYBILL = of('waybill:local')
const RELAYS = WAYBILL.filter((name) => serviceOf(name).command?.[0] === 'relay')
const EXAMPLES = of('waybill-example:local')

/** https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ */
const OPEN_TELEMETRY = [
  ...['OTEL_SDK_DISABLED', 'OTEL_SERVICE_NAME', 'OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_METRICS_EXPORTER'],
  'OTEL_LOGS_EXPORTER',
]

/** What the documentation of each image names. */
const OF_IMAGES: Readonly<Record<string, readonly string[]>> = {
  postgres: ['POSTGRES_USER', 'POSTGRES_PASSWORD', 'POSTGRES_DB'],
  rabbitmq: ['RABBITMQ_DEFAULT_USER', 'RABBITMQ_DEFAULT_PASS'],
  'grafana/grafana': [
    ...['GF_AUTH_ANONYMOUS_ENABLED', 'GF_AUTH_ANONYMOUS_ORG_ROLE', 'GF_SECURITY_ADMIN_PASSWORD'],
    ...['GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH', 'GF_ANALYTICS_REPORTING_ENABLED'],
    'GF_ANALYTICS_CHECK_FOR_UPDATES',
  ],
  waybill: [...KNOWN_NAMES, ...OPEN_TELEMETRY],
  'waybill-example': [...SETTING_NAMES, ...OPEN_TELEMETRY],
}

const relayConfig = (name: string) => readConfig('relay', { env: environmentOf(name) })

describe('the services of docker-compose.yml', () => {
  it('are two relays, a migration and two examples', () => {
    expect(RELAYS).toEqual(['relay-1', 'relay-2'])
    expect(WAYBILL).toEqual(['migrate', ...RELAYS])
    expect(EXAMPLES).toEqual(['orders', 'credit'])
  })

  it.each(names)('give %s only variables that it knows', (name) => {
    const image = serviceOf(name).image.split(':')[0]!
    const given = Object.keys(environmentOf(name))
    expect(given.filter((variable) => !(OF_IMAGES[image] ?? []).includes(variable))).toEqual([])
  })

  it.each(WAYBILL)('run a command that exists, with a configuration that is accepted: %s', (name) => {
    const command = serviceOf(name).command?.[0]
    expect(COMMANDS.map((one) => one.name)).toContain(command)
    expect(() =>
      readConfig(command === 'relay' ? 'relay' : 'database', { env: environmentOf(name) }),
    ).not.toThrow()
  })

  it.each(EXAMPLES)('run a program that the image has, with settings that are accepted: %s', (name) => {
    const program = serviceOf(name).command?.[0]?.replace(/\.js$/, '.ts')
    const [build = ''] = dockerfile('examples/orders-credit/Dockerfile')('RUN').slice(-1)
    expect(build).toContain(`examples/orders-credit/${String(program)} `)
    expect(() => readSettings(environmentOf(name))).not.toThrow()
  })

  it('name databases and brokers that are services here, with the credentials given there', () => {
    const urls = names.flatMap((name) => Object.values(environmentOf(name)).filter(isServer))
    expect(urls.length).toBeGreaterThan(0)
    for (const url of urls) {
      const { hostname, username, password } = new URL(url)
      expect(Object.values(environmentOf(hostname))).toEqual(expect.arrayContaining([username, password]))
    }
  })

  it('migrate the outboxes that are relayed', () => {
    const { values } = readConfig('database', { env: environmentOf('migrate') })
    for (const relay of RELAYS) expect(databasesOf(relayConfig(relay).values)).toEqual(databasesOf(values))
  })

  it.each(EXAMPLES)('call the outbox of %s in metrics as the relays do', (name) => {
    const { values } = relayConfig('relay-1')
    const targets = databasesOf(values)
    const own = targets.find(({ schema }) =>
      textOf(`examples/orders-credit/serve-${name}.ts`).includes(`'${schema}'`),
    )
    expect(environmentOf(name)['OUTBOX']).toBe(outboxName(own!, { targets, only: values.WAYBILL_OUTBOX }))
  })

  it('leave their connections below what PostgreSQL takes', () => {
    const { values } = relayConfig('relay-1')
    const ofRelay = (values.WAYBILL_DATABASE_POOL_SIZE + OF_ADMIN) * databasesOf(values).length
    expect(ofRelay * RELAYS.length + OF_EXAMPLE * EXAMPLES.length).toBeLessThan(MOST_CONNECTIONS)
  })

  it('let relays finish before they are killed', () => {
    for (const relay of RELAYS) {
      const seconds = Number(/^(\d+)s$/.exec(serviceOf(relay).stop_grace_period ?? '')?.[1])
      expect(seconds * 1000).toBeGreaterThan(relayConfig(relay).values.WAYBILL_SHUTDOWN_TIMEOUT_MS)
    }
  })

  it('check health by a command, or at a path, that exists', () => {
    for (const name of [...RELAYS, ...EXAMPLES])
      checkHealthCommand(serviceOf(name).healthcheck!.test!.slice(1))
  })

  it('write nothing to their own disk', () => {
    const ours = [...RELAYS, ...EXAMPLES]
    expect(ours.filter((name) => serviceOf(name).read_only !== true)).toEqual([])
  })
})

const OF_ADMIN = 3
const OF_EXAMPLE = 10
/** As it comes. */
const MOST_CONNECTIONS = 100

const isServer = (value: string): boolean => /^(postgres|amqp):\/\//.test(value)

interface Scrapes {
  readonly rule_files: readonly string[]
  readonly scrape_configs: readonly {
    readonly static_configs: readonly { readonly targets: readonly string[] }[]
  }[]
}

const prometheus = parse(textOf('prometheus/prometheus.yml')) as Scrapes

/** Where the metrics of a service are. */
function metricsPort(name: string): number {
  if (EXAMPLES.includes(name)) return readSettings(environmentOf(name)).listen.port
  return relayConfig(name).values.WAYBILL_HEALTH_LISTEN.port
}

/** Where a path of the repository is in a container. */
function mountedAt(name: string, source: string): string {
  const mount = serviceOf(name).volumes?.find((one) => one.startsWith(`./${source}:`))
  return mount?.split(':')[1] ?? `${source} is not mounted`
}

describe('Prometheus', () => {
  it('scrapes each relay and each service where it serves its metrics', () => {
    const targets = prometheus.scrape_configs.flatMap((job) =>
      job.static_configs.flatMap((one) => one.targets),
    )
    const served = [...RELAYS, ...EXAMPLES].map((name) => `${name}:${metricsPort(name)}`)
    expect([...targets].sort()).toEqual(served.sort())
    for (const name of [...RELAYS, ...EXAMPLES]) expect(portsOf(name).has(metricsPort(name))).toBe(true)
  })

  it('serves its metrics at the port that the image exposes', () => {
    for (const name of EXAMPLES) expect(exposed('examples/orders-credit/Dockerfile')).toBe(metricsPort(name))
    for (const name of RELAYS) expect(exposed('relay/Dockerfile')).toBe(metricsPort(name))
  })

  it('finds its configuration, and the rules beside it', () => {
    const config = mountedAt('prometheus', 'prometheus/prometheus.yml')
    expect(serviceOf('prometheus').command).toContain(`--config.file=${config}`)
    const folder = config.replace(/\/[^/]+$/, '')
    for (const pattern of prometheus.rule_files) {
      const beside = `${folder}/${pattern.replace(/\/[^/]+$/, '')}`
      expect(beside).toBe(mountedAt('prometheus', 'prometheus/rules'))
    }
  })
})

const exposed = (file: string): number => Number(dockerfile(file)('EXPOSE')[0])

interface Datasources {
  readonly datasources: readonly { readonly type: string; readonly url: string }[]
}

interface Providers {
  readonly providers: readonly { readonly options: { readonly path: string } }[]
}

describe('Grafana', () => {
  it('finds its data sources among the services', () => {
    const { datasources } = parse(textOf('grafana/provisioning/datasources/datasources.yml')) as Datasources
    expect(datasources.map(({ type }) => type).sort()).toEqual(['prometheus', 'tempo'])
    for (const { url } of datasources) {
      const { hostname, port } = new URL(url)
      expect(portsOf(hostname).has(Number(port)), url).toBe(true)
    }
  })

  it('finds its dashboards, and begins with one', () => {
    const folder = mountedAt('grafana', 'grafana/dashboards')
    const { providers } = parse(textOf('grafana/provisioning/dashboards/waybill.yml')) as Providers
    expect(providers.map(({ options }) => options.path)).toEqual([folder])
    expect(mountedAt('grafana', 'grafana/provisioning')).toBe('/etc/grafana/provisioning')
    const home = environmentOf('grafana')['GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH']!
    expect(textOf(home.replace(folder, 'grafana/dashboards'))).toContain('"title": "Waybill / Overview"')
  })
})

interface Receivers {
  readonly otlp: { readonly protocols: Readonly<Record<string, { readonly endpoint: string }>> }
}

interface Collector {
  readonly receivers: Receivers
  readonly processors: object
  readonly exporters: Readonly<Record<string, { readonly endpoint: string }>>
  readonly service: {
    readonly pipelines: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>
  }
}

interface Tempo {
  readonly server: { readonly http_listen_port: number }
  readonly distributor: { readonly receivers: Receivers }
}

interface Sampling {
  readonly processors: {
    readonly tail_sampling: { readonly policies: readonly { readonly name: string; readonly type: string }[] }
  }
}

const collector = parse(textOf('compose/otel-collector.yml')) as Collector
const tempo = parse(textOf('compose/tempo.yml')) as Tempo
const httpPort = ({ otlp }: Receivers): number => Number(otlp.protocols['http']!.endpoint.split(':').at(-1))

describe('traces', () => {
  it('are sent by relays and services to where the collector listens', () => {
    for (const name of [...RELAYS, ...EXAMPLES]) {
      const { hostname, port } = new URL(environmentOf(name)['OTEL_EXPORTER_OTLP_ENDPOINT']!)
      expect([hostname, Number(port)]).toEqual(['otel-collector', httpPort(collector.receivers)])
    }
  })

  it('are sent on to where Tempo listens', () => {
    for (const { endpoint } of Object.values(collector.exporters)) {
      const { hostname, port } = new URL(endpoint)
      expect([hostname, Number(port)]).toEqual(['tempo', httpPort(tempo.distributor.receivers)])
    }
    expect([...portsOf('tempo').keys()]).toEqual([tempo.server.http_listen_port])
  })

  it('pass through all that the collector has, and through nothing else', () => {
    for (const kind of ['receivers', 'processors', 'exporters'] as const) {
      const used = Object.values(collector.service.pipelines).flatMap((pipeline) => pipeline[kind] ?? [])
      expect([...new Set(used)].sort()).toEqual(Object.keys(collector[kind]).sort())
    }
  })

  it('can be sampled by what the page on traces shows', () => {
    const [, text = ''] = /^```yaml\n(processors:[\s\S]*?)^```$/m.exec(textOf('docs/guides/tracing.md')) ?? []
    const { processors } = parse(text) as Sampling
    const { policies } = processors.tail_sampling
    // Each has the settings of its type under the name of that type.
    expect(policies.map((policy) => Object.keys(policy))).toEqual(
      policies.map(({ type }) => ['name', 'type', type]),
    )
    expect(serviceOf('otel-collector').image).toContain('-contrib:')
  })

  it('have configurations where their programs look', () => {
    const at = (name: string, file: string): string => `config=${mountedAt(name, `compose/${file}`)}`
    expect(serviceOf('otel-collector').command).toEqual([`--${at('otel-collector', 'otel-collector.yml')}`])
    expect(serviceOf('tempo').command).toEqual([
      `-${at('tempo', 'tempo.yml').replace('config', 'config.file')}`,
    ])
  })
})
