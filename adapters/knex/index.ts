/** Door to PostgreSQL by `knex`. */
export { knexDatabase, knexPool } from './knex-database.ts'
export type { KnexDatabaseOptions } from './knex-database.ts'
