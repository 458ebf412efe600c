import { describe, expect, test } from 'vitest'
import { identifier, placeSchema } from '../../../adapters/postgres/identifier.ts'
import {
  editedMigrations,
  schemaFiles,
  schemaFilesInTree,
  statementsOf,
} from '../../../scripts/write-schema.ts'

const REMEDY = 'Run `npm run schema` and commit what it writes.'

describe('the files made from the migrations', () => {
  test('are what the migrations make', async () => {
    const made = await schemaFiles()
    const inTree = schemaFilesInTree()
    for (const [path, text] of Object.entries(made)) {
      expect(inTree[path as keyof typeof made], `adapters/postgres/${path} is stale. ${REMEDY}`).toBe(text)
    }
  })

  test('show when a migration was edited or taken away, and not when one was added', () => {
    const recorded = JSON.stringify({ '0001_a.sql': 'one', '0002_b.sql': 'two' })
    const now = { '0001_a.sql': 'one', '0002_b.sql': 'two', '0003_c.sql': 'three' }
    expect(editedMigrations(recorded, JSON.stringify(now))).toEqual([])
    expect(editedMigrations(recorded, JSON.stringify({ ...now, '0002_b.sql': 'other' }))).toEqual([
      '0002_b.sql',
    ])
    expect(editedMigrations(recorded, JSON.stringify({ '0002_b.sql': 'two' }))).toEqual(['0001_a.sql'])
  })
})

describe('splitting a migration', () => {
  test('keeps function bodies whole and leaves comments out', () => {
    const body = '$waybill$\nbegin\n  select 1;\n  select 2;\nend\n$waybill$'
    const text = `-- why\n-- min-compatible: 1\ncreate table a (\n  -- inside\n  b int\n);\n\ndo ${body};\nselect 3;\n`
    expect(statementsOf(text)).toEqual(['create table a (\n  b int\n)', `do ${body}`, 'select 3'])
  })

  test('refuses a statement without an end', () => {
    expect(() => statementsOf('select 1;\nselect 2\n')).toThrow('select 2')
  })
})

describe('the name of the schema', () => {
  test('is quoted once, and quoted again inside a literal', () => {
    expect(identifier('waybill')).toBe('"waybill"')
    expect(identifier('a"b')).toBe('"a""b"')
    expect(placeSchema(`\${schema}.t '\${schema:literal}.s'`, `it's`)).toBe(`"it's".t '"it''s".s'`)
  })

  test('is not taken for a pattern of replacement', () => {
    expect(placeSchema('${schema}', '$&$1$$')).toBe('"$&$1$$"')
  })
})
