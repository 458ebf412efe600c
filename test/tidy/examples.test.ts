import { expect, test } from 'vitest'
import { examplesIn, faultsOf } from '../support/examples.ts'
import { repositoryFiles, textOf } from './repository.ts'

const SHOWING = /^(?:src|adapters|relay|testing)\/.*\.ts$|\.md$/
/** A machine with much else to do compiles slowly. */
const PATIENCE = { timeout: 240_000 }

test('every example in comments and on pages compiles, and a wrong one would be found', PATIENCE, () => {
  const examples = repositoryFiles()
    .filter((file) => SHOWING.test(file))
    .flatMap((file) => examplesIn(file, textOf(file)))
  expect(examples.length).toBeGreaterThan(30)
  const wrong = {
    file: 'wrong.md',
    line: 7,
    code: `nobody()\nawait outbox.write(tx, { type: 'order.lost' })`,
  }
  expect(faultsOf([...examples, wrong])).toEqual([
    expect.stringMatching(/^wrong\.md:7: Cannot find name 'nobody'/),
    expect.stringMatching(/^wrong\.md:8: .*order\.lost/),
  ])
})
