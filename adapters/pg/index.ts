/** Door to PostgreSQL by `pg`. */
export { openPool, poolTarget } from './open-pool.ts'
export type { OpenPoolOptions } from './open-pool.ts'
export { pgDatabase, pgPool } from './pg-database.ts'
export type { PgDatabaseOptions } from './pg-database.ts'
