import { statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { PROJECT_ROOT } from '../support/child.ts'
import { repositoryFiles, textOf } from './repository.ts'

interface Limit {
  readonly what: RegExp
  readonly lines: number
}

/** The first that fits counts. The linter holds the same for TypeScript, but a comment can switch the linter off. */
const LIMITS: readonly Limit[] = [
  // Made by a program out of the migrations.
  { what: /^adapters\/postgres\/(schema\.sql|migrations\.ts)$/, lines: Infinity },
  // A table of names, in which things are looked up.
  { what: /^src\/telemetry\/names\.ts$/, lines: 600 },
  { what: /^(test|bench)\/.*\.ts$/, lines: 350 },
  { what: /\.(ts|js|cjs|mjs)$/, lines: 250 },
  { what: /\.sql$/, lines: 250 },
  { what: /^CHANGELOG\.md$/, lines: Infinity },
  { what: /\.md$/, lines: 400 },
]

/** Nothing that people read or that tools need is larger. */
const MOST_BYTES = 200 * 1024

it('has no file that is too long to be read at once', () => {
  const tooLong = repositoryFiles().flatMap((file) => {
    const limit = LIMITS.find(({ what }) => what.test(file))
    if (!limit) return []
    const lines = linesThatCount(file)
    return lines > limit.lines ? [`${file} has ${lines} lines, more than ${limit.lines}.`] : []
  })
  expect(tooLong).toEqual([])
})

it('has no large file but the lock', () => {
  const large = repositoryFiles().filter((file) => statSync(join(PROJECT_ROOT, file)).size > MOST_BYTES)
  expect(large.filter((file) => file !== 'package-lock.json')).toEqual([])
})

/** Code without blank lines and comments that stand alone; other text whole. */
function linesThatCount(file: string): number {
  const lines = textOf(file).split('\n')
  if (!/\.(ts|js|cjs|mjs)$/.test(file)) return lines.length
  return lines.filter((line) => !/^\s*($|\/\/|\/\*|\*)/.test(line)).length
}
