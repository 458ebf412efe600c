import { expect, it } from 'vitest'
import {
  BROKER,
  BROKER_REACHABLE,
  DATABASE_REACHABLE,
  SETUP,
  TRAFFIC,
  UNSAFE,
} from '../../relay/doctor/checks/index.ts'
import { repositoryFiles, textOf } from './repository.ts'

const CHECKS = [DATABASE_REACHABLE, ...SETUP, ...TRAFFIC, BROKER_REACHABLE, ...BROKER]

const rows = textOf('docs/doctor.md')
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )

it('says of each finding in docs/doctor.md what the program says', () => {
  const refusing = new Set(UNSAFE.map(({ code }) => code))
  const known = CHECKS.map(({ code, worst, wanted, remedy }) => [
    `\`${code}\``,
    refusing.has(code) ? `${worst}, refused at start` : worst,
    wanted,
    remedy.replaceAll('|', '\\|'),
  ])
  expect(rows).toEqual(known)
})

it('has a file for each check, and no code twice', () => {
  const files = repositoryFiles().filter((file) => /^relay\/doctor\/checks\/.*\.ts$/.test(file))
  const inFiles = files.flatMap((file) => textOf(file).match(/^ {2}code: '([A-Z_]+)'/gm) ?? [])
  const codes = CHECKS.map(({ code }) => code)
  expect(new Set(codes).size).toBe(codes.length)
  expect(inFiles).toHaveLength(codes.length)
})
