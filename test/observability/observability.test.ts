import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { ruleFiles } from '../../prometheus/src/rules.ts'
import { createTestVhost, type TestVhost } from '../support/broker.ts'
import type { Child } from '../support/child.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { startOtlpReceiver, type OtlpReceiver } from '../support/otlp-receiver.ts'
import { promtoolOnMetrics } from '../support/prometheus.ts'
import { QUICK_TIMES } from '../support/quick-times.ts'
import { startPrometheus, type PrometheusServer } from '../support/prometheus-server.ts'
import { textOf } from '../tidy/repository.ts'
import { hasData, operatorQueries, panelQueries } from './expressions.ts'
import { tidyUp } from './operator.ts'
import { QUICK_VALUES } from './quick-values.ts'
import { createStack, type Stack } from './stack.ts'

interface Scrapes {
  readonly global: object
  readonly scrape_configs: readonly {
    readonly static_configs: readonly { readonly targets: readonly string[] }[]
  }[]
}

interface Scaling {
  readonly spec: { readonly triggers: readonly [{ readonly metadata: { readonly query: string } }] }
}

const committed = parse(textOf('prometheus/prometheus.yml')) as Scrapes
const TARGETS = committed.scrape_configs.flatMap((job) =>
  job.static_configs.flatMap(({ targets }) => targets),
)

/** The committed configuration with targets of this machine, and with times as short as those of the rules. */
function configFor({ address }: Stack): object {
  return {
    ...committed,
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: ['*.rules.yml'],
    scrape_configs: committed.scrape_configs.map((job) => ({
      ...job,
      static_configs: job.static_configs.map(({ targets }) => ({ targets: targets.map(address) })),
    })),
  }
}

async function quickRules(): Promise<ReadonlyMap<string, string>> {
  const files = await ruleFiles(QUICK_VALUES)
  return new Map([...files].map(([name, text]) => [name.replace('.yml', '.rules.yml'), text]))
}

/** Gentle: the test shares the machine. */
const LOAD = {
  ORDERS_PER_SECOND: '50',
  OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
  OTEL_TRACES_SAMPLER_ARG: '0.1',
}

let database: TestDatabase
let vhost: TestVhost
let collector: OtlpReceiver
let stack: Stack
let prometheus: PrometheusServer
let relays: readonly Child[]
let services: readonly Child[]

async function startRelays(): Promise<readonly Child[]> {
  const children = [stack.start('relay-1'), stack.start('relay-2')]
  for (const child of children) await child.line(/"The relay runs\."/)
  return children
}

/** In the order of docker-compose.yml: messages are held while nobody has a queue for them, which wakes somebody. */
async function startServices(): Promise<readonly Child[]> {
  const children: Child[] = []
  for (const name of ['credit', 'orders']) {
    const child = stack.start(name)
    await child.line(/"The service runs\."/)
    children.push(child)
  }
  return children
}

const firing = async (): Promise<readonly string[]> => {
  const alerts = await prometheus.alerts()
  return alerts.filter(({ state }) => state === 'firing').map(({ labels }) => labels['alertname'] ?? '')
}

/** Writes a message that no queue is bound for. */
async function writeToNobody(): Promise<void> {
  await database.pool.query(
    `select orders_waybill.write(type => 'order.archived', payload => '{}', key => '1', source => 'demo-orders',
      exchange => 'archive.events', unroutable => 'dead')`,
  )
}

beforeAll(async () => {
  database = await createTestDatabase()
  vhost = await createTestVhost()
  collector = await startOtlpReceiver()
  stack = await createStack({
    databaseUrl: database.url,
    amqpUrl: vhost.url,
    env: { ...QUICK_TIMES, ...LOAD, ...collector.env, WAYBILL_SAMPLE_MS: '1000' },
  })
  const migration = stack.start('migrate')
  expect(await migration.exited, migration.output).toMatchObject({ code: 0 })
  // Time in which no relay counts is bad time: they are first.
  relays = await startRelays()
  prometheus = await startPrometheus(configFor(stack), await quickRules())
  services = await startServices()
  await eventually(async () => {
    expect(await prometheus.silent()).toEqual({})
    return true
  })
  const up = await prometheus.query('up')
  expect(up.map(({ value }) => value)).toEqual(TARGETS.map(() => 1))
  // Scraped before it happens, as its counters begin at 0.
  await writeToNobody()
  await database.pool.query('vacuum credit_waybill.inbox')
})

afterAll(async () => {
  // What the set-up did not come to is not there.
  for (const thing of [prometheus, stack, collector, vhost, database] as (AsyncDisposable | undefined)[]) {
    await thing?.[Symbol.asyncDispose]()
  }
})

describe('under load, with messages that fail', () => {
  it.each(['exhausted', 'malformed', 'permanent'])(
    'reports dead letters by an alert that says whose they are: %s',
    async (reason) => {
      const alert = await eventually(async () => {
        const alerts = await prometheus.alerts()
        return alerts.find(
          ({ state, labels }) =>
            state === 'firing' && labels['alertname'] === 'DlqMessageAdded' && labels['reason'] === reason,
        )
      })
      expect(alert.labels).toMatchObject({ consumer: 'demo-credit', severity: 'ticket' })
      expect(alert.annotations['summary']).toBe(`demo-credit has a new dead letter (${reason})`)
    },
  )

  it('shows what an operator has done about them', async () => {
    const outbox = encodeURIComponent(`${database.name}.credit_waybill`)
    const api = `http://${stack.address('relay-1:9465')}/outboxes/${outbox}/api/v1`
    await tidyUp(api)
    for (const { where, expr } of operatorQueries) {
      await eventually(async () => {
        // A rate needs requests between two scrapes.
        await fetch(`${api}/me`)
        const samples = await prometheus.query(expr)
        expect(
          samples.some(({ value }) => value > 0),
          where,
        ).toBe(true)
        return true
      })
    }
  })

  it('evaluates every rule, and writes what it says without an error', async () => {
    expect(await prometheus.troubles()).toEqual({})
    const texts = (await prometheus.alerts()).flatMap(({ annotations }) => Object.values(annotations))
    expect(texts.length).toBeGreaterThan(0)
    expect(texts.filter((text) => /error expanding|<no value>/.test(text))).toEqual([])
  })

  it('pages nobody', async () => {
    const pages = (await prometheus.alerts()).filter(({ labels }) => labels['severity'] === 'page')
    expect(pages.map(({ labels }) => labels['alertname'])).toEqual([])
  })

  it.each(panelQueries)('evaluates $where', async (query) => {
    if (hasData(query)) await eventually(async () => (await prometheus.query(query.expr)).length > 0)
    else await expect(prometheus.query(query.expr)).resolves.toBeDefined()
  })

  it('has a value for what the page on Kubernetes scales relays by', async () => {
    const [, text = ''] =
      /^```yaml\n(apiVersion: keda[\s\S]*?)^```$/m.exec(textOf('docs/guides/kubernetes.md')) ?? []
    const { spec } = parse(text) as Scaling
    const found = await prometheus.query(spec.triggers[0].metadata.query)
    expect(found).toHaveLength(1)
    expect(found[0]!.value).toBeGreaterThanOrEqual(0)
  })

  it('calls an outbox in the metrics of its service as the relays call it', async () => {
    const outboxes = async (metric: string): Promise<readonly string[]> => {
      const found = await prometheus.query(`count by (outbox) (${metric}) > 0`)
      return found.map(({ metric: labels }) => labels['outbox'] ?? '').sort()
    }
    const written = await outboxes('outbox_enqueued_messages_total')
    expect(written).toEqual([`${database.name}.credit_waybill`, `${database.name}.orders_waybill`])
    expect(await outboxes('outbox_published_messages_total > 0')).toEqual(written)
  })

  it('shows an order in one trace: through relays, to the credit service and back', async () => {
    await eventually(() => {
      const traces = new Map<string, Set<string>>()
      for (const { traceId, service, name } of collector.spans) {
        const steps = traces.get(traceId) ?? new Set()
        traces.set(traceId, steps.add(`${service}: ${name.split(' ')[0]!}`))
      }
      const way = [
        'orders: create',
        'waybill-relay: publish',
        'credit: process',
        'credit: create',
        'orders: process',
      ]
      return [...traces.values()].some((steps) => way.every((step) => steps.has(step)))
    })
  })

  it('exports what promtool has nothing to say against', async () => {
    for (const target of TARGETS) {
      expect(await promtoolOnMetrics(`http://${stack.address(target)}/metrics`), target).toBe('')
    }
  })
})

describe('when all relays are killed', () => {
  it('wakes somebody, and is silent again once they are back', async () => {
    for (const relay of relays) await relay.kill('SIGKILL')
    await eventually(async () => {
      const names = await firing()
      // The budget is spent although nobody counts any more.
      const woken = ['OutboxRelayDown', 'WaybillTargetDown', 'OutboxFreshnessBudgetBurnFast']
      return woken.every((name) => names.includes(name))
    })
    relays = await startRelays()
    await eventually(async () => {
      const names = await firing()
      return !['OutboxRelayDown', 'WaybillTargetDown'].some((name) => names.includes(name))
    })
  })
})

describe('when the last consumer is gone', () => {
  it('wakes somebody', async () => {
    for (const service of services) {
      expect(await service.kill('SIGTERM'), service.output).toEqual({ code: 0, signal: null })
      expect(service.output).toContain('"The service has stopped."')
    }
    await eventually(async () => (await firing()).includes('InboxConsumerGone'))
  })
})
