/** Door to everything of PostgreSQL that needs no driver: the schema, its rights, the stores and how to bind a driver. */
export { runCallbacks } from './after-commit.ts'
export { classifyPostgresError } from './classify.ts'
export type { ClassifyOptions } from './classify.ts'
export { grants } from './grants.ts'
export type { GrantOptions } from './grants.ts'
export { DEFAULT_SCHEMA } from './identifier.ts'
export { inspectActivity, inspectContents, inspectDatabase } from './inspect.ts'
export type {
  ActivityFacts,
  ContentFacts,
  DatabaseFacts,
  InspectOptions,
  ServerFacts,
  TableFacts,
} from './inspect.ts'
export { migrate } from './migrate.ts'
export type { MigrateOptions, MigrationReport } from './migrate.ts'
export { migrationSql } from './migration-sql.ts'
export type { MigrationSqlOptions } from './migration-sql.ts'
export {
  beginWith,
  queryText,
  refuseBinary,
  transactionAborted,
  transactionExecutor,
  transactionFinished,
} from './pg-client.ts'
export type { PgClient, PgQuery, PgTransaction } from './pg-client.ts'
export { postgresDatabase } from './postgres-database.ts'
export type { PostgresDatabaseOptions } from './postgres-database.ts'
export { createRelayStore } from './relay-store.ts'
export type { RelayStoreOptions } from './relay-store.ts'
export type { Role } from './rights.ts'
export { SCHEMA_VERSION } from './schema-version.ts'
export type {
  SqlCommand,
  SqlDriver,
  SqlExecutor,
  SqlPool,
  SqlRows,
  SqlText,
  SqlTransaction,
} from './sql-executor.ts'
