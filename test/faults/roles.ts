import type pg from 'pg'
import { grants } from '../../adapters/postgres/index.ts'

/** The database's address for everybody who works on it. */
export type Addresses = Readonly<Record<'writer' | 'relay' | 'consumer' | 'operator', string>>

/** What the services do on tables of their own. */
const OWN = {
  writer: ['select, update on aggregate', 'select, insert on placed'],
  consumer: ['select, insert on effect', 'select, insert on tried'],
  relay: [],
  operator: [],
} as const

/**
 * Nobody in a scenario has more rights than the product prints for its role: what one of them lacks, in whatever it has to do when
 * things go wrong, fails the scenario.
 */
export async function createRoles(pool: pg.Pool, databaseUrl: string): Promise<Addresses> {
  const database = new URL(databaseUrl).pathname.slice(1)
  const role = (name: keyof Addresses): string => `${database}_${name}`
  const names = {
    writer: role('writer'),
    relay: role('relay'),
    consumer: role('consumer'),
    operator: role('operator'),
  }
  for (const name of Object.values(names)) await pool.query(`create role ${name} login`)
  for (const statement of grants(names)) await pool.query(statement)
  for (const [name, rights] of Object.entries(OWN)) {
    for (const right of rights) await pool.query(`grant ${right} to ${role(name as keyof Addresses)}`)
  }
  const address = (name: string): string => {
    const url = new URL(databaseUrl)
    url.searchParams.set('options', `-c role=${name}`)
    return url.href
  }
  return {
    writer: address(names.writer),
    relay: address(names.relay),
    consumer: address(names.consumer),
    operator: address(names.operator),
  }
}
