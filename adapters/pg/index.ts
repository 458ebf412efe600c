/** Door to PostgreSQL by `pg`. */
export { pgDatabase, pgPool } from './pg-database.ts'
export type { PgDatabaseOptions } from './pg-database.ts'
