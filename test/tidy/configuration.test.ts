import { expect, it } from 'vitest'
import { KNOWN_NAMES } from '../../relay/config.ts'
import { ERROR_CODES } from '../../src/errors.ts'
import { repositoryFiles, textOf } from './repository.ts'

const NAME = /\bWAYBILL_[A-Z]+(?:_[A-Z]+)*\b/g

function variablesIn(text: string): string[] {
  return [...new Set(text.match(NAME) ?? [])].filter((name) => !(name in ERROR_CODES))
}

it('explains every environment variable in docs/configuration.md', () => {
  const documented = new Set(variablesIn(textOf('docs/configuration.md')))
  expect(KNOWN_NAMES.filter((name) => !documented.has(name))).toEqual([])
})

it('names no environment variable in documents and settings that the relay does not read', () => {
  const unknown = repositoryFiles()
    .filter((file) => /\.(md|ya?ml|env\.example)$|(^|\/)Dockerfile$/.test(file))
    .flatMap((file) => variablesIn(textOf(file)).map((name) => ({ file, name })))
    .filter(({ name }) => !KNOWN_NAMES.includes(name))
  expect(unknown).toEqual([])
})
