import { ScaledObject } from '@kubernetes-models/keda/keda.sh/v1alpha1/ScaledObject'
import { PodMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PodMonitor'
import { PrometheusRule } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PrometheusRule'
import { Deployment } from 'kubernetes-models/apps/v1/Deployment'
import { Job } from 'kubernetes-models/batch/v1/Job'
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget'
import { Secret } from 'kubernetes-models/v1/Secret'
import ts from 'typescript'
import { PROJECT_ROOT } from '../support/child.ts'

const OPERATOR = '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1'

/** Where the schema of each kind comes from, by its name there, and what holds values to it. */
const KINDS: Readonly<
  Record<string, readonly [path: string, make: (data: never) => { validate(): unknown }]>
> = {
  Secret: ['kubernetes-models/v1/Secret', (data) => new Secret(data)],
  Job: ['kubernetes-models/batch/v1/Job', (data) => new Job(data)],
  Deployment: ['kubernetes-models/apps/v1/Deployment', (data) => new Deployment(data)],
  PodDisruptionBudget: [
    'kubernetes-models/policy/v1/PodDisruptionBudget',
    (data) => new PodDisruptionBudget(data),
  ],
  ScaledObject: ['@kubernetes-models/keda/keda.sh/v1alpha1/ScaledObject', (data) => new ScaledObject(data)],
  PodMonitor: [`${OPERATOR}/PodMonitor`, (data) => new PodMonitor(data)],
  PrometheusRule: [`${OPERATOR}/PrometheusRule`, (data) => new PrometheusRule(data)],
}

interface Typed {
  readonly kind: string
}

/**
 * What is wrong with manifests, by the schemas of Kubernetes and of the operators. The schemas let names pass that they do not
 * have; the types that are made of them do not.
 */
export function faultsOfManifests(manifests: readonly Typed[]): string[] {
  return [...manifests.flatMap(valueFaults), ...nameFaults(manifests)]
}

function valueFaults(manifest: Typed): string[] {
  const [, make] = kindOf(manifest)
  try {
    make(manifest as never).validate()
    return []
  } catch (error) {
    return [`${manifest.kind}: ${String(error)}`]
  }
}

function kindOf({ kind }: Typed): (typeof KINDS)[string] {
  const found = KINDS[kind]
  if (found === undefined) throw new Error(`No schema is known for ${kind}.`)
  return found
}

const FILE = `${PROJECT_ROOT}test/tidy/manifests-of-a-page.ts`

function nameFaults(manifests: readonly Typed[]): string[] {
  const lines = manifests.map(
    (manifest, index) =>
      `export const manifest${index}: import('${kindOf(manifest)[0]}').I${manifest.kind} = ${JSON.stringify(manifest)}`,
  )
  const text = lines.join('\n')
  const options: ts.CompilerOptions = {
    ...{ strict: true, noEmit: true, skipLibCheck: true, types: [], target: ts.ScriptTarget.ES2023 },
    ...{ module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext },
  }
  const host = ts.createCompilerHost(options)
  const program = ts.createProgram([FILE], options, {
    ...host,
    fileExists: (path) => path === FILE || host.fileExists(path),
    readFile: (path) => (path === FILE ? text : host.readFile(path)),
    getSourceFile: (path, language, ...rest) =>
      path === FILE ? ts.createSourceFile(path, text, language) : host.getSourceFile(path, language, ...rest),
  })
  const source = program.getSourceFile(FILE)
  return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
    ({ start = 0, messageText }) => {
      const line = source?.getLineAndCharacterOfPosition(start).line ?? 0
      return `${manifests[line]?.kind ?? ''}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`
    },
  )
}
