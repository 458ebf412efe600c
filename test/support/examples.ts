import ts from 'typescript'
import { DOORS } from '../../scripts/doors.ts'
import { PROJECT_ROOT } from './child.ts'
import { EXAMPLE_SETTING } from './example-setting.ts'

/** A piece of TypeScript that readers are shown. */
export interface Example {
  readonly file: string
  /** Of its first line, from 1. */
  readonly line: number
  readonly code: string
}

const FENCED = /```ts\n([\s\S]*?)```/g

/** Those of a page, or of the comments of a source. */
export function examplesIn(file: string, text: string): Example[] {
  const shown = file.endsWith('.ts') ? commentsOf(text) : text
  return [...shown.matchAll(FENCED)].map(({ index, 1: code = '' }) => ({
    file,
    line: shown.slice(0, index).split('\n').length + 1,
    code,
  }))
}

/** The text without its code and the stars of its comments, each line where it was. */
function commentsOf(text: string): string {
  return text
    .split('\n')
    .map((line) => /^\s*\* ?(.*)$/.exec(line)?.[1] ?? '')
    .join('\n')
}

/** Here examples are taken to lie, each page in a folder of its own. */
const HOME = `${PROJECT_ROOT}test/examples`

/**
 * What the compiler says of the examples, each in a sentence that begins with file and line.
 *
 * An example that begins with `// name.ts` can be imported by the others of its page.
 */
export function faultsOf(examples: readonly Example[]): string[] {
  const shown = [...examples, ...lent()]
  const byPath = new Map(shown.map((example) => [pathOf(example), example]))
  const texts = new Map([...byPath].map(([path, { code }]) => [path, `${code}\nexport {}\n`]))
  const options = compilerOptions()
  const program = ts.createProgram([...texts.keys()], options, hostWith(texts, options))
  return [...byPath].flatMap(([path, example]) => {
    const source = program.getSourceFile(path)
    const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)]
    return found.map((diagnostic) => sentence(diagnostic, source, example))
  })
}

function pathOf({ file, line, code }: Example): string {
  const name = /^\/\/ ([\w-]+\.ts)\b/.exec(code)?.[1] ?? `line-${String(line)}.ts`
  return `${HOME}/${file.replaceAll(/\W/g, '-')}/${name}`
}

function sentence(
  { start = 0, messageText }: ts.Diagnostic,
  source: ts.SourceFile | undefined,
  { file, line }: Example,
): string {
  const within = source?.getLineAndCharacterOfPosition(start).line ?? 0
  return `${file}:${String(line + within)}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`
}

/** The names that examples use without saying where they come from. */
function lent(): Example[] {
  return [
    { file: 'setting', line: 1, code: EXAMPLE_SETTING },
    { file: 'doors', line: 1, code: globalsOfDoors() },
  ]
}

/** Examples in comments leave the imports out: whatever the doors export is there. */
function globalsOfDoors(): string {
  const seen = new Set<string>()
  const lines = Object.entries(DOORS).flatMap(([door, path]) => {
    const from = door === 'index' ? 'waybill' : `waybill/${door}`
    const names = valuesOf(ts.sys.readFile(`${PROJECT_ROOT}${path}`) ?? '').filter((name) => !seen.has(name))
    for (const name of names) seen.add(name)
    return names.map((name) => `  const ${name}: typeof import('${from}').${name}`)
  })
  return `declare global {\n${lines.join('\n')}\n}\n`
}

function valuesOf(door: string): string[] {
  return [...door.matchAll(/^export \{([^}]*)\}/gm)].flatMap(({ 1: names = '' }) =>
    names.split(',').flatMap((name) => name.trim() || []),
  )
}

/** Readers have settings of their own: what is only a matter of style is not asked of examples. */
function compilerOptions(): ts.CompilerOptions {
  const { config } = ts.readConfigFile(`${PROJECT_ROOT}tsconfig.json`, (path) => ts.sys.readFile(path)) as {
    config: object
  }
  const { options } = ts.parseJsonConfigFileContent(
    { ...config, files: [], include: [] },
    ts.sys,
    PROJECT_ROOT,
  )
  return { ...options, noPropertyAccessFromIndexSignature: false, exactOptionalPropertyTypes: false }
}

function hostWith(texts: ReadonlyMap<string, string>, options: ts.CompilerOptions): ts.CompilerHost {
  const host = ts.createCompilerHost(options)
  return {
    ...host,
    fileExists: (path) => texts.has(path) || host.fileExists(path),
    readFile: (path) => texts.get(path) ?? host.readFile(path),
    directoryExists: (path) => path.startsWith(HOME) || (host.directoryExists?.(path) ?? false),
    getSourceFile(path, language, ...rest) {
      const text = texts.get(path)
      return text === undefined
        ? host.getSourceFile(path, language, ...rest)
        : ts.createSourceFile(path, text, language)
    },
  }
}
