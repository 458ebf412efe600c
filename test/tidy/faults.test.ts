import { describe, expect, it } from 'vitest'
import { faultRows, scenariosIn } from '../../scripts/fault-table.ts'
import { repositoryFiles, textOf } from './repository.ts'

const upTo = (family: string, last: number): string[] =>
  Array.from({ length: last }, (_, index) => `${family}${index + 1}`)

/** Publishing, consuming, dead letters, queues and exchanges, the whole. */
const NUMBERS = [upTo('P', 23), upTo('C', 18), upTo('D', 9), upTo('T', 5), upTo('', 42)].flat()

const rows = faultRows(textOf('docs/faults.md'))
const scenarios = repositoryFiles()
  .filter((file) => /^test\/faults\/.*\.test\.ts$/.test(file))
  .flatMap((file) => scenariosIn(file, textOf(file)))

describe('the table of faults', () => {
  it('has each number once, and no other', () => {
    expect(rows.flatMap(({ numbers }) => numbers).sort()).toEqual([...NUMBERS].sort())
  })

  it('names a test for each that is there, or says why it does not apply', () => {
    const files = new Set(repositoryFiles())
    const unfounded = rows.filter(
      ({ promised, tests }) => tests.length === 0 && !/^does not apply: \S/.test(promised),
    )
    expect(unfounded).toEqual([])
    expect(rows.flatMap(({ tests }) => tests).filter((file) => !files.has(file))).toEqual([])
  })

  it('names for each number of a scenario the file that the scenario is in', () => {
    expect(scenarios.length).toBeGreaterThan(40)
    const untold = scenarios.flatMap(({ file, name, numbers }) => {
      const homes = numbers.map((number) => rows.find((row) => row.numbers.includes(number)))
      return homes.length > 0 && homes.every((row) => row?.tests.includes(file)) ? [] : [name]
    })
    expect(untold).toEqual([])
  })
})
