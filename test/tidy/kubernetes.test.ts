import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { COMMANDS } from '../../relay/cli/commands.ts'
import { KNOWN_NAMES, readConfig, type Environment } from '../../relay/config.ts'
import { HEALTH_PATHS } from '../../relay/health/health-server.ts'
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

const manifests = [...textOf('docs/guides/kubernetes.md').matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(
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
  it('are a secret, a job, a deployment and a budget of disruptions', () => {
    expect(manifests.map(({ kind }) => kind).sort()).toEqual([
      'Deployment',
      'Job',
      'PodDisruptionBudget',
      'Secret',
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
