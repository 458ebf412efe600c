import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { PROJECT_ROOT } from '../support/child.ts'
import { repositoryFiles, textOf } from './repository.ts'

/** The folders that the table of docs/architecture.md names in its first column. */
function documentedFolders(): string[] {
  const rows = textOf('docs/architecture.md').match(/^\| `.*$/gm) ?? []
  const cells = rows.map((row) => row.split('|')[1] ?? '')
  return cells.flatMap((cell) =>
    [...cell.matchAll(/`([\w./-]+)`/g)].map(([, name]) => name!.replace(/\/$/, '')),
  )
}

/** Top-level folders, and the second level where the first one is only a roof. */
function actualFolders(): string[] {
  const roofs = ['src', 'adapters']
  const folders = repositoryFiles().flatMap((file) => {
    const [first, second, third] = file.split('/')
    if (second === undefined || first!.startsWith('.')) return []
    if (!roofs.includes(first!)) return [first!]
    return third === undefined ? [] : [`${first}/${second}`]
  })
  return [...new Set(folders)].sort()
}

it('names in docs/architecture.md only folders that exist', () => {
  expect(documentedFolders().length).toBeGreaterThan(0)
  expect(documentedFolders().filter((folder) => !existsSync(join(PROJECT_ROOT, folder)))).toEqual([])
})

it('says in docs/architecture.md what each folder is for', () => {
  const documented = new Set(documentedFolders())
  expect(actualFolders().filter((folder) => !documented.has(folder))).toEqual([])
})
