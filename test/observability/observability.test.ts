import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { ruleFiles } from '../../prometheus/src/rules.ts'
import { createRelaySetting, type RelaySetting } from '../e2e/relay-setting.ts'
import type { Child } from '../support/child.ts'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { promtoolOnMetrics } from '../support/prometheus.ts'
import { startPrometheus, type PrometheusServer } from '../support/prometheus-server.ts'
import { textOf } from '../tidy/repository.ts'
import { hasData, panelQueries } from './expressions.ts'
import { QUICK_VALUES } from './quick-values.ts'
import { startService, type Service } from './service.ts'

interface Scrapes {
  readonly global: object
  readonly scrape_configs: readonly { readonly job_name: string }[]
}

/** The committed configuration with targets of this machine, and with times as short as those of the rules. */
function configFor(targets: Readonly<Record<string, readonly string[]>>): object {
  const { scrape_configs: jobs, ...rest } = parse(textOf('prometheus/prometheus.yml')) as Scrapes
  return {
    ...rest,
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: ['*.rules.yml'],
    scrape_configs: jobs.map((job) => ({
      ...job,
      static_configs: [{ targets: targets[job.job_name] ?? [] }],
    })),
  }
}

async function quickRules(): Promise<ReadonlyMap<string, string>> {
  const files = await ruleFiles(QUICK_VALUES)
  return new Map([...files].map(([name, text]) => [name.replace('.yml', '.rules.yml'), text]))
}

let setting: RelaySetting
let service: Service
let prometheus: PrometheusServer
let ports: readonly [number, number]
let relays: readonly Child[]
let load: { stop(): Promise<void> }

const startRelays = (): Promise<readonly Child[]> =>
  Promise.all(
    ports.map((port, index) =>
      setting.relay({
        WAYBILL_HOST: `relay-${index + 1}`,
        WAYBILL_HEALTH_LISTEN: `127.0.0.1:${port}`,
      }),
    ),
  )

const firing = async (): Promise<readonly string[]> => {
  const alerts = await prometheus.alerts()
  return alerts.filter(({ state }) => state === 'firing').map(({ labels }) => labels['alertname'] ?? '')
}

beforeAll(async () => {
  setting = await createRelaySetting({ env: { WAYBILL_OUTBOX: 'orders', WAYBILL_SAMPLE_MS: '1000' } })
  ports = [await freePort(), await freePort()]
  service = await startService(setting.database.url, setting.vhost.url)
  relays = await startRelays()
  prometheus = await startPrometheus(
    configFor({
      'waybill-relay': ports.map((port) => `127.0.0.1:${port}`),
      'waybill-services': [service.target],
    }),
    await quickRules(),
  )
  // Scraped once before anything happens, as counters begin at 0.
  await eventually(
    async () => {
      expect(await prometheus.silent()).toEqual({})
      return true
    },
    { timeoutMs: 60_000 },
  )
  await eventually(async () => {
    const up = await prometheus.query('up')
    expect(await prometheus.silent()).toEqual({})
    expect(up.map(({ value }) => value)).toEqual([1, 1, 1])
    return true
  })
  load = service.startLoad()
  await service.archive()
})

afterAll(async () => {
  // What the set-up did not come to is not there.
  await (load as typeof load | undefined)?.stop()
  await prometheus[Symbol.asyncDispose]()
  await service[Symbol.asyncDispose]()
  await setting[Symbol.asyncDispose]()
})

describe('under load, with messages that fail', () => {
  it('reports the first dead letter by an alert that says whose it is', async () => {
    await eventually(async () => (await firing()).includes('DlqMessageAdded'), { timeoutMs: 30_000 })
    const alerts = await prometheus.alerts()
    const alert = alerts.find(({ labels }) => labels['alertname'] === 'DlqMessageAdded')!
    expect(alert.labels).toMatchObject({ consumer: 'billing', reason: 'permanent', severity: 'ticket' })
    expect(alert.annotations['summary']).toBe('billing has a new dead letter (permanent)')
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

  it('exports what promtool has nothing to say against', async () => {
    for (const target of [...ports.map((port) => `127.0.0.1:${port}`), service.target]) {
      expect(await promtoolOnMetrics(`http://${target}/metrics`), target).toBe('')
    }
  })
})

describe('when all relays are killed', () => {
  it('wakes somebody, and is silent again once they are back', async () => {
    for (const relay of relays) await relay.kill('SIGKILL')
    await eventually(
      async () => {
        const names = await firing()
        // The budget is spent although nobody counts any more.
        const woken = ['OutboxRelayDown', 'WaybillTargetDown', 'OutboxFreshnessBudgetBurnFast']
        return woken.every((name) => names.includes(name))
      },
      { timeoutMs: 30_000 },
    )
    relays = await startRelays()
    await eventually(
      async () => {
        const names = await firing()
        return !['OutboxRelayDown', 'WaybillTargetDown'].some((name) => names.includes(name))
      },
      { timeoutMs: 30_000 },
    )
  })
})

describe('when the last consumer is gone', () => {
  it('wakes somebody', async () => {
    await load.stop()
    await service[Symbol.asyncDispose]()
    await eventually(async () => (await firing()).includes('InboxConsumerGone'), { timeoutMs: 30_000 })
  })
})
