import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { freePort } from './free-port.ts'
import { findPrometheus } from './prometheus.ts'
import { startServerProcess } from './server-process.ts'
import { createTempDir } from './temp-dir.ts'

export interface Sample {
  readonly metric: Readonly<Record<string, string>>
  readonly value: number
}

export interface FiringAlert {
  readonly state: 'pending' | 'firing'
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

/** A private Prometheus on this machine. */
export interface PrometheusServer extends AsyncDisposable {
  readonly url: string
  /** What an expression evaluates to now; fails when it cannot be evaluated. */
  query(expr: string): Promise<readonly Sample[]>
  alerts(): Promise<readonly FiringAlert[]>
  /** What the evaluation of each rule says, by its name; empty when all is well. */
  troubles(): Promise<Readonly<Record<string, string>>>
  /** Why a target cannot be scraped, by its address; empty when all can. */
  silent(): Promise<Readonly<Record<string, string>>>
}

/**
 * @param config as in prometheus.yml, where rule_files are taken from the folder of the configuration.
 * @param files beside it, such as rules.
 */
export async function startPrometheus(
  config: object,
  files: ReadonlyMap<string, string> = new Map(),
): Promise<PrometheusServer> {
  const home = await createTempDir('waybill-prometheus')
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  await writeFile(join(home.path, 'prometheus.yml'), stringify(config))
  for (const [name, text] of files) await writeFile(join(home.path, name), text)
  const server = startServerProcess({
    file: join(await findPrometheus(), 'prometheus'),
    args: [
      `--config.file=${join(home.path, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(home.path, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--enable-feature=exemplar-storage',
    ],
    cwd: home.path,
    logFile: join(home.path, 'server.log'),
  })
  await server.waitUntil(async () => {
    const { ok } = await fetch(`${url}/-/ready`)
    if (!ok) throw new Error('Prometheus is not ready yet.')
  })
  return {
    url,
    ...questions(url),
    [Symbol.asyncDispose]: async () => {
      if (server.running) await server.end('SIGTERM')
      await home.remove()
    },
  }
}

interface Answer<Data> {
  readonly status: 'success' | 'error'
  readonly error?: string
  readonly data: Data
}

interface Found {
  readonly result: readonly { readonly metric: Sample['metric']; readonly value: readonly [number, string] }[]
}

interface RuleGroups {
  readonly groups: readonly {
    readonly rules: readonly { readonly name: string; readonly lastError?: string }[]
  }[]
}

interface Targets {
  readonly activeTargets: readonly {
    readonly scrapeUrl: string
    readonly health: string
    readonly lastError: string
  }[]
}

function questions(url: string): Pick<PrometheusServer, 'query' | 'alerts' | 'troubles' | 'silent'> {
  const ask = async <Data>(
    path: string,
    parameters: Readonly<Record<string, string>> = {},
  ): Promise<Data> => {
    const response = await fetch(`${url}/api/v1/${path}?${new URLSearchParams(parameters).toString()}`)
    const { status, error, data } = (await response.json()) as Answer<Data>
    if (status === 'error') throw new Error(`${parameters['query'] ?? path}: ${String(error)}`)
    return data
  }
  return {
    async query(expr) {
      const { result } = await ask<Found>('query', { query: expr })
      return result.map(({ metric, value: [, value] }) => ({ metric, value: Number(value) }))
    },
    async alerts() {
      const { alerts } = await ask<{ readonly alerts: readonly FiringAlert[] }>('alerts')
      return alerts
    },
    async troubles() {
      const { groups } = await ask<RuleGroups>('rules')
      const rules = groups.flatMap((group) => group.rules)
      return Object.fromEntries(
        rules.flatMap(({ name, lastError = '' }) => (lastError === '' ? [] : [[name, lastError]])),
      )
    },
    async silent() {
      const { activeTargets } = await ask<Targets>('targets')
      const down = activeTargets.filter(({ health }) => health !== 'up')
      return Object.fromEntries(
        down.map(({ scrapeUrl, health, lastError }) => [scrapeUrl, `${health} ${lastError}`]),
      )
    },
  }
}
