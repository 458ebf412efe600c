import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface Mutation {
  readonly name: string
  /** What the mutation breaks, in a sentence. */
  readonly breaks: string
  readonly edits: readonly Edit[]
  readonly proof: Proof
}

/** `find` must stand in the file exactly once: a mutation that no longer applies is an error, not a pass. */
export interface Edit {
  readonly file: string
  readonly find: string
  readonly replace: string
}

/** What must fail, and the words by which it must say so. */
export type Proof =
  | { readonly kind: 'fuzz'; readonly args: readonly string[]; readonly reports: readonly string[] }
  | {
      readonly kind: 'test'
      readonly project: string
      readonly file: string
      readonly reports: readonly string[]
    }

export interface Verdict {
  readonly caught: boolean
  readonly evidence: string
}

export interface Mutant extends AsyncDisposable {
  prove(databaseUrl: string): Promise<Verdict>
}

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const COPIED = [
  'src',
  'adapters',
  'relay',
  'testing',
  'test',
  'package.json',
  'tsconfig.json',
  'vitest.config.ts',
  'scripts',
]

export async function applyMutation({ edits, proof }: Mutation): Promise<Mutant> {
  const directory = await mkdtemp(join(tmpdir(), 'waybill-mutant-'))
  for (const entry of COPIED) await cp(join(ROOT, entry), join(directory, entry), { recursive: true })
  await symlink(join(ROOT, 'node_modules'), join(directory, 'node_modules'))
  for (const edit of edits) await applyEdit(directory, edit)
  return {
    async prove(databaseUrl) {
      const { code, output } = await runProof(directory, proof, databaseUrl)
      const said = proof.reports.filter((words) => output.includes(words))
      const evidence = said.length > 0 ? `reports: ${said.join(', ')}` : lastLines(output)
      return { caught: code !== 0 && said.length > 0, evidence }
    },
    async [Symbol.asyncDispose]() {
      await rm(directory, { recursive: true, force: true })
    },
  }
}

async function applyEdit(directory: string, { file, find, replace }: Edit): Promise<void> {
  const path = join(directory, file)
  const text = await readFile(path, 'utf8')
  const places = text.split(find).length - 1
  if (places !== 1)
    throw new Error(
      `The mutation of ${file} no longer applies: its text stands there ${String(places)} times.`,
    )
  await writeFile(
    path,
    text.replace(find, () => replace),
  )
}

async function runProof(
  cwd: string,
  proof: Proof,
  databaseUrl: string,
): Promise<{ code: number | null; output: string }> {
  const bin = (name: string): string => join(ROOT, 'node_modules', '.bin', name)
  const [command, args] =
    proof.kind === 'fuzz'
      ? [bin('tsx'), ['test/fuzz/main.ts', '--database-url', databaseUrl, ...proof.args]]
      : [bin('vitest'), ['run', '--project', proof.project, proof.file]]
  const child = spawn(command, args, { cwd, env: { ...process.env, NO_COLOR: '1' } })
  let output = ''
  const collect = (chunk: Buffer): void => void (output += chunk.toString())
  child.stdout.on('data', collect)
  child.stderr.on('data', collect)
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, output }
}

const lastLines = (output: string): string => output.trimEnd().split('\n').slice(-5).join('\n')
