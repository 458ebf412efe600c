import { dirname, join } from 'node:path/posix'
import { expect, it } from 'vitest'
import { textOf } from './repository.ts'

const ENGLISH = 'README.md'
const KOREAN = 'docs/README.ko.md'

/** Commands, code and drawings: the same in every language. */
function blocksOf(file: string): string[] {
  return textOf(file).match(/^```[\s\S]*?^```$/gm) ?? []
}

/** The pages that a table names, from the root of the repository. */
function pagesOf(file: string): string[] {
  const rows = textOf(file).match(/^\| \[.*$/gm) ?? []
  return rows.map((row) => join(dirname(file), /\]\(([^)]+)\)/.exec(row)?.[1] ?? ''))
}

it('shows in the Korean README the commands and the code of the English one', () => {
  expect(blocksOf(ENGLISH).length).toBeGreaterThan(5)
  expect(blocksOf(KOREAN)).toEqual(blocksOf(ENGLISH))
})

it('leads from the Korean README to no page that the English one does not name', () => {
  const english = pagesOf(ENGLISH)
  expect(pagesOf(KOREAN).length).toBeGreaterThan(5)
  expect(pagesOf(KOREAN).filter((page) => !english.includes(page))).toEqual([])
})
