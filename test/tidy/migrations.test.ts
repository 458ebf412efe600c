import { createHash } from 'node:crypto'
import { expect, it } from 'vitest'
import { repositoryFiles, textOf } from './repository.ts'

const FOLDER = 'adapters/postgres/migrations/'

function migrations(): string[] {
  const files = repositoryFiles().filter((file) => file.startsWith(FOLDER) && file.endsWith('.sql'))
  return files.map((file) => file.slice(FOLDER.length)).sort()
}

it('leaves released migrations as they were released', () => {
  const released = JSON.parse(textOf(`${FOLDER}checksums.json`)) as Record<string, string>
  const now = Object.fromEntries(migrations().map((name) => [name, checksum(textOf(FOLDER + name))]))
  expect(now).toEqual(released)
})

it('numbers migrations without a gap', () => {
  expect(migrations().map((name) => Number(name.slice(0, 4)))).toEqual(
    migrations().map((_, index) => index + 1),
  )
})

it('begins each migration with the reason for it', () => {
  expect(migrations().filter((name) => !textOf(FOLDER + name).startsWith('-- '))).toEqual([])
})

function checksum(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('hex')}`
}
