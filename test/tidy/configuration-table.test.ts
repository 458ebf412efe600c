import { expect, it } from 'vitest'
import { EXIT } from '../../relay/cli/exit-codes.ts'
import { showValue } from '../../relay/config.ts'
import type { Variable } from '../../relay/config/variable.ts'
import { VARIABLES } from '../../relay/config/variables.ts'
import { HEALTH_PATHS } from '../../relay/health/health-server.ts'
import { textOf } from './repository.ts'

/** The rows of all tables of docs/configuration.md, cell by cell. */
const rows = textOf('docs/configuration.md')
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )

function standing({ neededBy, fallback }: Variable<unknown>): string {
  if (neededBy === 'database') return 'needed'
  if (neededBy === 'relay') return 'needed by `waybill relay`'
  return fallback === null ? '' : `\`${showValue(fallback)}\``
}

it('says of each variable in docs/configuration.md what the program says', () => {
  const documented = rows.filter(([name]) => name?.startsWith('`WAYBILL_'))
  const known = Object.entries(VARIABLES).map(([name, variable]) => [
    `\`${name}\``,
    standing(variable),
    variable.parser.wanted,
    variable.meaning,
  ])
  expect(documented).toEqual(known)
})

it('lists every exit code in docs/configuration.md', () => {
  const documented = rows.map(([first]) => first)
  for (const code of Object.values(EXIT)) expect(documented).toContain(String(code))
})

it('lists the paths of the health checks in docs/configuration.md', () => {
  const documented = rows.flatMap(([first]) => (first?.startsWith('`/') ? [first] : []))
  expect(documented).toEqual(Object.values(HEALTH_PATHS).map((path) => `\`${path}\``))
})
