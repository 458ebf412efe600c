import { expect, it } from 'vitest'
import { NODE_VERSIONS, POSTGRES_VERSIONS } from '../../scripts/grounds.ts'
import { textOf } from './repository.ts'

function documented(server: string): string[] {
  const row = textOf('docs/compatibility.md')
    .split('\n')
    .find((line) => line.startsWith(`| ${server}`))
  return row?.split('|')[2]?.trim().split(', ') ?? []
}

it('names in docs/compatibility.md the releases that the scripts run', () => {
  expect(documented('Node.js')).toEqual(Object.values(NODE_VERSIONS))
  const postgres = Object.values(POSTGRES_VERSIONS).map((version) => version.replace(/\.\d+-.*$/, ''))
  expect(documented('PostgreSQL')).toEqual(postgres)
})

it('supports in package.json the oldest Node that is tested', () => {
  const { engines } = JSON.parse(textOf('package.json')) as { readonly engines: { readonly node: string } }
  const [oldest] = Object.keys(NODE_VERSIONS)
  expect(engines.node).toMatch(new RegExp(`^>=${oldest}\\.`))
})
