import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { COMMANDS } from '../../relay/cli/commands.ts'
import { KNOWN_NAMES, readConfig, type Environment } from '../../relay/config.ts'
import { HEALTH_PATHS } from '../../relay/health/health-server.ts'
import { parsePromql } from '../../grafana/lint/promql.ts'
import { VALUES } from '../../prometheus/src/values.ts'
import { LANE_COUNT } from '../../src/ports.ts'
import { METRICS } from '../../src/telemetry/names.ts'
import { PROJECT_ROOT } from '../support/child.ts'
import { run } from '../support/run.ts'
import { faultsOfManifests } from './manifest-kinds.ts'
import { textOf } from './repository.ts'

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string }
}

interface Container {
  readonly args: readonly string[]
  readonly env: readonly { readonly name: string; readonly value?: string }[]
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[]
  readonly startupProbe?: Probe
  readonly livenessProbe?: Probe
  readonly readinessProbe?: Probe
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[]
}

interface PodSpec {
  readonly terminationGracePeriodSeconds?: number
  readonly containers: readonly [Container]
  readonly volumes: readonly {
    readonly name: string
    readonly secret: {
      readonly secretName: string
      readonly items: readonly { readonly key: string; readonly path: string }[]
    }
  }[]
}

interface Manifest {
  readonly kind: string
  readonly metadata: { readonly name: string }
  readonly stringData?: Readonly<Record<string, string>>
  readonly spec: {
    readonly selector?: { readonly matchLabels: Readonly<Record<string, string>> }
    readonly template: {
      readonly metadata: { readonly labels: Readonly<Record<string, string>> }
      readonly spec: PodSpec
    }
  }
}

const page = textOf('docs/guides/kubernetes.md')
const manifests = [...page.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(
  ([, text]) => parse(text!) as Manifest,
)

function manifest(kind: string): Manifest {
  const [found, another] = manifests.filter((one) => one.kind === kind)
  if (found === undefined || another !== undefined) throw new Error(`There must be one ${kind}.`)
  return found
}

const secret = manifest('Secret')
const pods = (['Job', 'Deployment'] as const).map(
  (kind) => [kind, manifest(kind).spec.template.spec] as const,
)

/** The environment of the container, with the files that it would find mounted. */
function configOf({ containers: [container], volumes }: PodSpec) {
  const files = new Map<string, string>()
  for (const { name, mountPath } of container.volumeMounts) {
    const volume = volumes.find((one) => one.name === name)!
    expect(volume.secret.secretName).toBe(secret.metadata.name)
    for (const { key, path } of volume.secret.items)
      files.set(`${mountPath}/${path}`, secret.stringData?.[key] ?? '')
  }
  const env: Environment = Object.fromEntries(
    container.env.map(({ name, value = 'given-by-kubernetes' }) => [name, value]),
  )
  const use = COMMANDS.find(({ name }) => name === container.args[0])!.use({})
  return readConfig(use, { env, readFile: (path) => files.get(path) ?? '' })
}

describe('the manifests of docs/guides/kubernetes.md', () => {
  it('are a secret, a job, a deployment and what watches and scales it', () => {
    expect(manifests.map(({ kind }) => kind).sort()).toEqual([
      'Deployment',
      'Job',
      'PodDisruptionBudget',
      'PodMonitor',
      'ScaledObject',
      'Secret',
    ])
  })

  it('are what the schemas of Kubernetes and of the operators allow, and a misspelt one would be found', () => {
    const { spec, ...rest } = manifest('Deployment')
    const misspelt = { ...rest, spec: { ...spec, replica: 2 } }
    const wrong = { ...rest, spec: { ...spec, replicas: 'two' } }
    expect(faultsOfManifests([...manifests, misspelt, wrong])).toEqual([
      expect.stringMatching(/^Deployment: .*integer/s),
      expect.stringMatching(/^Deployment: .*"replica"' does not exist/),
      expect.stringMatching(/^Deployment: .*'string' is not assignable to type 'number'/),
    ])
  })

  it.each(pods)('give the %s a command and a configuration that are accepted', (_kind, pod) => {
    const [container] = pod.containers
    expect(COMMANDS.map(({ name }) => name)).toContain(container.args[0])
    expect(container.env.map(({ name }) => name).filter((name) => !KNOWN_NAMES.includes(name))).toEqual([])
    expect(() => configOf(pod)).not.toThrow()
  })

  it('probe paths that are served, at the port where they are', () => {
    const pod = manifest('Deployment').spec.template.spec
    const [container] = pod.containers
    const { port } = configOf(pod).values.WAYBILL_HEALTH_LISTEN
    expect(container.ports).toEqual([{ name: 'health', containerPort: port }])
    for (const probe of [container.startupProbe, container.livenessProbe]) {
      expect(probe?.httpGet).toEqual({ path: HEALTH_PATHS.live, port: 'health' })
    }
    expect(container.readinessProbe?.httpGet).toEqual({ path: HEALTH_PATHS.ready, port: 'health' })
  })

  it('let the relay finish before it is killed', () => {
    const pod = manifest('Deployment').spec.template.spec
    const { WAYBILL_SHUTDOWN_TIMEOUT_MS: limitMs } = configOf(pod).values
    expect(pod.terminationGracePeriodSeconds! * 1000).toBeGreaterThan(limitMs)
  })

  it('select the pods that they make', () => {
    const { labels } = manifest('Deployment').spec.template.metadata
    for (const kind of ['Deployment', 'PodDisruptionBudget']) {
      expect(labels).toMatchObject(manifest(kind).spec.selector!.matchLabels)
    }
  })
})

interface Scaling extends Manifest {
  readonly spec: Manifest['spec'] & {
    readonly scaleTargetRef: { readonly name: string }
    readonly minReplicaCount: number
    readonly maxReplicaCount: number
    readonly fallback: { readonly replicas: number }
    readonly triggers: readonly [
      { readonly type: string; readonly metadata: { readonly query: string; readonly threshold: string } },
    ]
  }
}

describe('scaling', () => {
  const { spec } = manifest('ScaledObject') as Scaling

  it('is of the relay that is deployed, between two replicas and one for each lane', () => {
    expect(spec.scaleTargetRef.name).toBe(manifest('Deployment').metadata.name)
    expect(spec.minReplicaCount).toBeGreaterThanOrEqual(2)
    expect(spec.maxReplicaCount).toBeLessThanOrEqual(LANE_COUNT)
    expect(spec.fallback.replicas).toBe(spec.minReplicaCount)
  })

  it('goes by metrics that exist, the age of the oldest message first', () => {
    const { isValid, selectors } = parsePromql(spec.triggers[0].metadata.query)
    expect(isValid).toBe(true)
    const names = selectors.map(({ metric }) => metric)
    expect(names[0]).toBe('outbox_oldest_pending_age_seconds')
    expect(names.filter((name) => !(name in METRICS))).toEqual([])
    expect(METRICS.outbox_oldest_pending_age_seconds.unit).toBe('seconds')
  })

  it('begins before the objective of freshness is missed', () => {
    const seconds = Number(spec.triggers[0].metadata.threshold) * spec.minReplicaCount
    expect(seconds).toBeLessThanOrEqual(VALUES.objectives.freshSeconds)
  })
})

interface Monitoring extends Manifest {
  readonly spec: Manifest['spec'] & {
    readonly jobLabel: string
    readonly selector: { readonly matchLabels: Readonly<Record<string, string>> }
    readonly podMetricsEndpoints: readonly [{ readonly port: string; readonly path: string }]
  }
}

describe('metrics and alerts', () => {
  it('are read from each relay where it serves them', () => {
    const { spec } = manifest('PodMonitor') as Monitoring
    const { metadata, spec: pod } = manifest('Deployment').spec.template
    const [{ port, path }] = spec.podMetricsEndpoints
    expect(metadata.labels).toMatchObject(spec.selector.matchLabels)
    expect(pod.containers[0].ports?.map(({ name }) => name)).toContain(port)
    expect(path).toBe(HEALTH_PATHS.metrics)
  })

  it('are of a job that alerts know', () => {
    const { jobLabel } = (manifest('PodMonitor') as Monitoring).spec
    const job = manifest('Deployment').spec.template.metadata.labels[jobLabel]
    expect(job).toMatch(new RegExp(`^(${VALUES.jobs})$`))
  })

  it('come as rules that the operator takes', async () => {
    const [, script = ''] = /^```sh\n(for file in prometheus[\s\S]*?)^```$/m.exec(page) ?? []
    const shown = await run('sh', ['-c', `kubectl() { cat; echo '---'; }\n${script}`], { cwd: PROJECT_ROOT })
    const rules = shown.split(/^---$/m).filter((text) => text.trim() !== '')
    expect(rules.length).toBeGreaterThan(3)
    expect(faultsOfManifests(rules.map((text) => parse(text) as Manifest))).toEqual([])
  })
})
