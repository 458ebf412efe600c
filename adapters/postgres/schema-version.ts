import { MIGRATIONS } from './migrations.ts'

/** The schema version this code was written for. */
export const SCHEMA_VERSION: number = MIGRATIONS.length
