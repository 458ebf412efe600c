import { expect, it } from 'vitest'
import { repositoryFiles, textOf } from './repository.ts'

/** The first cells of the table of scenarios. */
function toldScenarios(): string[] {
  const [, section = ''] = textOf('docs/faults.md').split('## Scenarios with real processes')
  const rows = section.split('\n## ')[0]!.match(/^\| .*$/gm) ?? []
  return rows.map((row) => row.split('|')[1]!.trim()).filter((cell) => !/^(scenario|-+)$/.test(cell))
}

/** Names as the files of scenarios give them; one that is made for each mode stands for both. */
function scenarios(): string[] {
  const files = repositoryFiles().filter((file) => /^test\/faults\/.*\.test\.ts$/.test(file))
  const names = files.flatMap((file) =>
    [...textOf(file).matchAll(/scenario\(\s*(['`])(.*?)\1/gs)].map(([, , name]) => name!),
  )
  return names.flatMap((name) =>
    name.includes('${mode}') ? ['key', 'unordered'].map((mode) => name.replace('${mode}', mode)) : [name],
  )
}

it('tells in docs/faults.md of each scenario, and of no other', () => {
  expect(scenarios().length).toBeGreaterThan(40)
  expect(toldScenarios().sort()).toEqual(scenarios().sort())
})
