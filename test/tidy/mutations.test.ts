import { describe, expect, it } from 'vitest'
import { MUTATIONS } from '../mutations/mutations.ts'
import { repositoryFiles, textOf } from './repository.ts'

/** Whether each is caught is for `npm run mutate` to say. */
describe('each mutation', () => {
  it.each(MUTATIONS)('$name applies to what is there', ({ edits }) => {
    const places = edits.map(({ file, find }) => textOf(file).split(find).length - 1)
    expect(places).toEqual(edits.map(() => 1))
  })

  it('has its proof', () => {
    const tests = MUTATIONS.flatMap(({ proof }) => (proof.kind === 'test' ? [proof.file] : []))
    expect(repositoryFiles()).toEqual(expect.arrayContaining(tests))
  })
})
