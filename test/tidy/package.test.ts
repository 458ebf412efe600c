import { dirname, join, relative } from 'node:path'
import ts from 'typescript'
import { expect, it } from 'vitest'
import { DOORS, PROGRAM } from '../../scripts/doors.ts'
import { PROJECT_ROOT } from '../support/child.ts'
import { textOf } from './repository.ts'

interface Manifest {
  readonly exports: Readonly<Record<string, unknown>>
  readonly bin: Readonly<Record<string, string>>
}

const manifest = JSON.parse(textOf('package.json')) as Manifest

it('exports exactly the doors that are built', () => {
  const doors = Object.keys(DOORS).map((door) => [
    door === 'index' ? '.' : `./${door}`,
    { types: `./dist/${door}.d.ts`, default: `./dist/${door}.js` },
  ])
  expect(manifest.exports).toEqual({
    ...(Object.fromEntries(doors) as Record<string, unknown>),
    './package.json': './package.json',
  })
})

it('installs exactly the programs that are built', () => {
  const programs = Object.keys(PROGRAM).map((name) => [name, `dist/${name}.js`])
  expect(manifest.bin).toEqual(Object.fromEntries(programs))
})

it('compiles examples against the sources of the same doors', () => {
  const read = ts.readConfigFile(join(PROJECT_ROOT, 'tsconfig.json'), (file) => ts.sys.readFile(file))
  const { options } = ts.parseJsonConfigFileContent(read.config, ts.sys, PROJECT_ROOT)
  const resolved = Object.keys(DOORS).map((door) => {
    const name = door === 'index' ? 'waybill' : `waybill/${door}`
    const { resolvedModule } = ts.resolveModuleName(
      name,
      join(PROJECT_ROOT, 'examples/any.ts'),
      options,
      ts.sys,
    )
    return [door, resolvedModule && relative(PROJECT_ROOT, resolvedModule.resolvedFileName)]
  })
  expect(Object.fromEntries(resolved)).toEqual(DOORS)
})

it('has faults and test helpers behind their own doors only', () => {
  const everywhere = { ...DOORS, ...PROGRAM }
  const within = Object.entries(everywhere).map(([name, source]) => ({ name, files: reachableFrom(source) }))
  const using = (folder: string): string[] =>
    within.filter(({ files }) => [...files].some((file) => file.startsWith(folder))).map(({ name }) => name)
  expect(using('testing/failpoints/')).toEqual(['testing'])
  expect(using('testing/')).toEqual(['testing', 'contracts'])
  // The search finds what is there.
  expect(using('adapters/memory/')).toEqual(['memory', 'testing'])
  expect(using('src/message/')).toEqual(Object.keys(everywhere))
})

/** The file and all that it imports, directly or not, types too. */
function reachableFrom(entry: string): Set<string> {
  const files = new Set([entry])
  for (const file of files) {
    for (const { fileName } of ts.preProcessFile(textOf(file)).importedFiles) {
      if (fileName.startsWith('.')) files.add(join(dirname(file), fileName))
    }
  }
  return files
}
