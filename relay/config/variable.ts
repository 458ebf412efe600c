import type { Parser } from './parse.ts'

/** What cannot run without a variable: all that touches the database, or the relay alone. */
export type NeededBy = 'database' | 'relay' | 'nothing'

/** One environment variable: all that parsing, `waybill relay --help` and docs/configuration.md know about it. */
export interface Variable<Value> {
  /** For people who run the relay. */
  readonly meaning: string
  readonly parser: Parser<Exclude<Value, null>>
  /** Null: there is none, or `meaning` says what holds then. */
  readonly fallback: Value
  readonly neededBy: NeededBy
  /** Never shown as it is, and may come from the file that `<NAME>_FILE` names. */
  readonly secret: boolean
}

/** The variables that give these values. */
export type VariablesOf<Values> = { readonly [Name in keyof Values]: Variable<Values[Name]> }

/** What most variables are. */
export const optional = { neededBy: 'nothing', secret: false } as const
