import { Type, type Static, type TEnum, type TSchema, type TUnion, type TNull } from 'typebox'

type Snake<Name extends string> = Name extends `${infer First}${infer Rest}`
  ? First extends Lowercase<First>
    ? `${First}${Snake<Rest>}`
    : `_${Lowercase<First>}${Snake<Rest>}`
  : ''

/** A value of the core as it travels in JSON: names in snake_case, times as text. */
export type Wire<Value> = Value extends Date
  ? string
  : Value extends readonly (infer Item)[]
    ? Wire<Item>[]
    : Value extends object
      ? string extends keyof Value
        ? Value
        : { -readonly [Key in keyof Value as Snake<Key & string>]: Wire<Exclude<Value[Key], undefined>> }
      : Value

/** A schema of what travels as `Value` in JSON. */
export type SchemaOf<Value> = TSchema & { readonly '~describes'?: Value }

/** Compiles only when the schema takes exactly what `Value` becomes in JSON. */
type Fits<Schema extends TSchema, Value> = [Wire<Value>] extends [Static<Schema>]
  ? [keyof Static<Schema>] extends [keyof Wire<Value>]
    ? [keyof Wire<Value>] extends [keyof Static<Schema>]
      ? Schema
      : 'a property has no schema'
    : 'the schema has a property too many'
  : 'a property has another type'

const names = new Map<TSchema, string>()

/** The name of a schema in the OpenAPI document; undefined for one that stands where it is used. */
export function nameOf(schema: TSchema): string | undefined {
  return names.get(schema)
}

/** Names a schema, so that the document has it once. */
export function named(name: string, schema: TSchema): TSchema {
  names.set(schema, name)
  return schema
}

/** Names a schema and holds it to the type of the core that it describes. */
export function describes<Value>(
  name: string,
): <Schema extends TSchema>(schema: Schema & Fits<Schema, Value>) => SchemaOf<Value> {
  return (schema) => named(name, schema)
}

/** One of some words. */
export function oneOf<Word extends string>(words: readonly Word[], description: string): TEnum<Word[]> {
  return Type.Enum([...words], { type: 'string', description })
}

export function orNull<Schema extends TSchema>(schema: Schema): TUnion<[Schema, TNull]> {
  return Type.Union([schema, Type.Null()])
}

/** Objects take what is named and nothing else: a misspelt filter that is ignored would choose everything. */
export const CLOSED = { additionalProperties: false } as const
