import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'
import { DEFAULT_SCHEMA } from '../adapters/postgres/identifier.ts'
import { migrationSql } from '../adapters/postgres/migration-sql.ts'
import type { Migration } from '../adapters/postgres/migrations.ts'

const HOME = fileURLToPath(new URL('../adapters/postgres/', import.meta.url))

/** The files made from the migrations, by their path under `adapters/postgres/`. */
export interface SchemaFiles {
  readonly 'migrations.ts': string
  readonly 'migrations/checksums.json': string
  readonly 'schema.sql': string
}

/** Makes the text of all files from the SQL of the migrations. */
export async function schemaFiles(): Promise<SchemaFiles> {
  const migrations = readMigrations()
  return {
    'migrations.ts': await prettyModule(migrations),
    'migrations/checksums.json': `${JSON.stringify(checksumsOf(migrations), null, 2)}\n`,
    'schema.sql': migrationSql({ schema: DEFAULT_SCHEMA, migrations }),
  }
}

/** What is in the tree now; empty texts for what is missing. */
export function schemaFilesInTree(): SchemaFiles {
  return {
    'migrations.ts': readOr('migrations.ts', ''),
    'migrations/checksums.json': readOr('migrations/checksums.json', '{}'),
    'schema.sql': readOr('schema.sql', ''),
  }
}

/** The migrations that are not what they were when their checksum was recorded. */
export function editedMigrations(recorded: string, made: string): string[] {
  const before = JSON.parse(recorded) as Record<string, string>
  const now = JSON.parse(made) as Record<string, string>
  return Object.keys(before).filter((name) => now[name] !== before[name])
}

function readMigrations(): Migration[] {
  const files = readdirSync(`${HOME}migrations`)
    .filter((name) => name.endsWith('.sql'))
    .sort()
  return files.map((file, index) => readMigration(file, index + 1))
}

function readMigration(file: string, version: number): Migration {
  const text = readFileSync(`${HOME}migrations/${file}`, 'utf8').replaceAll('\r\n', '\n')
  if (!new RegExp(`^${String(version).padStart(4, '0')}_[a-z_]+\\.sql$`).test(file)) {
    throw new Error(`${file} must be named ${String(version).padStart(4, '0')}_what_it_does.sql.`)
  }
  const minCompatible = /^-- min-compatible: (\d+)$/m.exec(text)?.[1]
  if (minCompatible === undefined) {
    throw new Error(`${file} must say "-- min-compatible: <version>": the oldest code that may still run.`)
  }
  const checksum = `sha256-${createHash('sha256').update(text).digest('hex')}`
  return {
    version,
    name: file.replace(/^\d+_|\.sql$/g, ''),
    minCompatible: Number(minCompatible),
    checksum,
    statements: statementsOf(text),
  }
}

/** Splits at each `;` that ends a line outside of `$waybill$` quotes, and leaves the comments out. */
export function statementsOf(text: string): string[] {
  const statements: string[] = []
  let current = ''
  text.split('$waybill$').forEach((part, index) => {
    if (index > 0) current += '$waybill$'
    if (index % 2 === 1) {
      current += part
      return
    }
    const pieces = part.replaceAll(/^ *--.*\n/gm, '').split(/;[ ]*(?:\n|$)/)
    pieces.forEach((piece, place) => {
      current += piece
      if (place === pieces.length - 1) return
      statements.push(current.trim())
      current = ''
    })
  })
  if (current.trim() !== '') throw new Error(`A statement has no ";" at its end: ${current.trim()}`)
  return statements
}

function checksumsOf(migrations: readonly Migration[]): Record<string, string> {
  return Object.fromEntries(
    migrations.map(({ version, name, checksum }) => [
      `${String(version).padStart(4, '0')}_${name}.sql`,
      checksum,
    ]),
  )
}

async function prettyModule(migrations: readonly Migration[]): Promise<string> {
  const path = `${HOME}migrations.ts`
  const entries = migrations.map((migration) => {
    const statements = migration.statements.map((statement) => `\`${inTemplate(statement)}\``)
    return `{ version: ${migration.version}, name: '${migration.name}', minCompatible: ${migration.minCompatible},
      checksum: '${migration.checksum}', statements: [${statements.join(', ')}] }`
  })
  const source = `// Written by \`npm run schema\` from migrations/*.sql. Do not edit.

/** One step of the database schema. Steps are only ever added. */
export interface Migration {
  readonly version: number
  readonly name: string
  /** The oldest code, by the schema version it was written for, that may keep running after this step. */
  readonly minCompatible: number
  readonly checksum: string
  /** With the placeholders of \`placeSchema\`. */
  readonly statements: readonly string[]
}

export const MIGRATIONS: readonly Migration[] = [${entries.join(', ')}]
`
  return format(source, { ...(await resolveConfig(path)), parser: 'typescript', filepath: path })
}

function inTemplate(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('`', '\\`').replaceAll('${', '\\${')
}

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(`${HOME}${path}`, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return otherwise
    throw error
  }
}

async function main(): Promise<void> {
  const made = await schemaFiles()
  const edited = editedMigrations(
    schemaFilesInTree()['migrations/checksums.json'],
    made['migrations/checksums.json'],
  )
  if (edited.length > 0) {
    console.error(`Edited: ${edited.join(', ')}. Databases have applied them; write a new migration instead.`)
    process.exitCode = 1
    return
  }
  for (const [path, text] of Object.entries(made)) writeFileSync(`${HOME}${path}`, text as string)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
