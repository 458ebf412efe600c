import { expect, it } from 'vitest'
import { ERROR_CODES } from '../../src/errors.ts'
import { repositoryFiles, textOf } from './repository.ts'

const CODE = /\bWAYBILL_[A-Z]+(?:_[A-Z]+)*\b/g
const codes = Object.keys(ERROR_CODES).sort()

function mentionedIn(text: string): Set<string> {
  return new Set(text.match(CODE) ?? [])
}

it('explains every error code in docs/errors.md', () => {
  const documented = mentionedIn(textOf('docs/errors.md'))
  expect(codes.filter((code) => !documented.has(code))).toEqual([])
})

it('explains no error code that does not exist', () => {
  // A heading or the first cell of a row introduces a code; running text may name an environment variable.
  const introduced = textOf('docs/errors.md').match(/^(?:#+ |\| )`?WAYBILL_[A-Z_]+/gm) ?? []
  const names = introduced.map((line) => line.replace(/^\W+/, ''))
  expect(names.filter((name) => !codes.includes(name))).toEqual([])
})

it('has no error code that nothing throws', () => {
  const product = repositoryFiles().filter((file) => /^(src|adapters|relay|testing)\/.*\.ts$/.test(file))
  const thrown = mentionedIn(
    product
      .filter((file) => file !== 'src/errors.ts')
      .map(textOf)
      .join('\n'),
  )
  expect(codes.filter((code) => !thrown.has(code))).toEqual([])
})
