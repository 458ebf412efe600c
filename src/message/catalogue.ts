import { WaybillError } from '../errors.ts'
import { defaultExchange, defineType, type TypeDefinition } from './definition.ts'
import type { MessageType } from './message-type.ts'
import { checkSource } from './names.ts'
import type { SchemaInput, SchemaOutput, StandardSchema } from './standard-schema.ts'
import { quote } from './text.ts'

/** What a type's payload is when it is written and when it is handled. */
export interface PayloadTypes {
  readonly input: unknown
  readonly output: unknown
}

/** Payload types by the name of the message type. */
export type TypeMap = Readonly<Record<string, PayloadTypes>>

/** What {@link defineMessages} takes: for each name a schema, or a {@link messageType}. */
export type Definitions = Readonly<Record<string, StandardSchema | MessageType<unknown>>>

/** The payload types that follow from definitions. */
export type TypesOf<Defined extends Definitions> = {
  readonly [Name in keyof Defined]: Defined[Name] extends MessageType<infer Input, infer Output>
    ? { readonly input: Input; readonly output: Output }
    : Defined[Name] extends StandardSchema
      ? { readonly input: SchemaInput<Defined[Name]>; readonly output: SchemaOutput<Defined[Name]> }
      : never
}

/** The message types that services share: made by {@link defineMessages} and never changed. */
export interface Catalogue<Types extends TypeMap = TypeMap> {
  /** Names of all types, in the order of their definition. */
  readonly types: readonly string[]
  find(type: string): TypeDefinition | undefined
  /** For the compiler only; never there at run time. */
  readonly payloads?: Types
}

/** Names of the types in a catalogue. */
export type TypeName<C extends Catalogue> = keyof NonNullable<C['payloads']> & string

/** What a writer gives as the payload of type `T`. */
export type PayloadInput<C extends Catalogue, T extends TypeName<C>> = NonNullable<C['payloads']>[T]['input']

/** What a handler gets as the payload of type `T`: the output of its schema. */
export type PayloadOutput<C extends Catalogue, T extends TypeName<C>> = NonNullable<
  C['payloads']
>[T]['output']

/**
 * Makes a catalogue out of definitions.
 *
 * @param options.source the service that owns these types; their exchange is then `<source>.events` wherever they are
 * written or handled. 1 to 200 bytes without spaces.
 * @throws WaybillError WAYBILL_CATALOGUE_INVALID
 *
 * @example
 * ```ts
 * const messages = defineMessages(
 *   { 'order.placed': z.object({ orderId: z.string(), total: z.number() }) },
 *   { source: 'orders' },
 * )
 * ```
 */
export function defineMessages<const Defined extends Definitions>(
  types: Defined,
  options: { readonly source?: string | undefined } = {},
): Catalogue<TypesOf<Defined>> {
  const given: unknown = types
  if (typeof given !== 'object' || given === null) {
    throw new WaybillError('WAYBILL_CATALOGUE_INVALID', {
      problem: 'defineMessages was not given an object of definitions.',
      wanted: 'Wanted is an object that maps the name of each message type to a schema or a messageType(…).',
    })
  }
  const unknown = Object.keys(options).find((name) => name !== 'source')
  if (unknown !== undefined) {
    throw new WaybillError('WAYBILL_CATALOGUE_INVALID', {
      problem: `defineMessages was given the unknown option ${quote(unknown)}.`,
      wanted: 'Known is source.',
    })
  }
  const { source } = options
  if (source !== undefined)
    checkSource(source, { what: 'source of the catalogue', code: 'WAYBILL_CATALOGUE_INVALID' })
  const found = new Map<string, TypeDefinition>()
  for (const [type, definition] of Object.entries(types)) {
    found.set(type, defineType(type, definition, source ?? null))
  }
  return catalogueOf(found)
}

/** All types of several catalogues. */
export type Combined<Catalogues extends readonly Catalogue[]> = Catalogues extends readonly [
  infer First extends Catalogue,
  ...infer Rest extends readonly Catalogue[],
]
  ? NonNullable<First['payloads']> & Combined<Rest>
  : unknown

/**
 * One catalogue of several, for a service that writes some types and handles others. Each type keeps its exchange.
 *
 * @throws WaybillError WAYBILL_CATALOGUE_INVALID when two of them define the same type, even if alike: one of them has
 * to own it.
 *
 * @example
 * ```ts
 * const messages = combineMessages(orderMessages, creditMessages)
 * ```
 */
export function combineMessages<const Catalogues extends readonly Catalogue[]>(
  ...catalogues: Catalogues
): Catalogue<Flat<Combined<Catalogues>>> {
  const found = new Map<string, TypeDefinition>()
  for (const catalogue of catalogues) {
    for (const type of catalogue.types) {
      const definition = catalogue.find(type)
      if (found.has(type) || definition === undefined) {
        throw new WaybillError('WAYBILL_CATALOGUE_INVALID', {
          problem: `Message type ${quote(type)} is defined in more than one of the combined catalogues.`,
          remedy: 'Keep the definition of the service that owns the type and import it in the others.',
        })
      }
      found.set(type, definition)
    }
  }
  return catalogueOf(found)
}

/** Intersections are hard to read in editors: this makes one plain map of them. */
type Flat<Types> = { readonly [Name in keyof Types]: Types[Name] & PayloadTypes }

function catalogueOf<Types extends TypeMap>(found: ReadonlyMap<string, TypeDefinition>): Catalogue<Types> {
  return Object.freeze({ types: Object.freeze([...found.keys()]), find: (type: string) => found.get(type) })
}

/**
 * The definition of `type`.
 * @throws WaybillError WAYBILL_TYPE_UNKNOWN
 */
export function definitionOf(catalogue: Catalogue, type: string): TypeDefinition {
  const definition = catalogue.find(type)
  if (definition !== undefined) return definition
  throw new WaybillError('WAYBILL_TYPE_UNKNOWN', {
    problem: `Message type ${quote(type)} is not in the catalogue.`,
    wanted: catalogue.types.length === 0 ? 'It is empty.' : `It has ${listed(catalogue.types)}.`,
    remedy: 'Add it to defineMessages(…), or correct its name.',
  })
}

const SHOWN_TYPES = 10

function listed(types: readonly string[]): string {
  const shown = types.slice(0, SHOWN_TYPES).map(quote).join(', ')
  return types.length > SHOWN_TYPES ? `${shown} and ${String(types.length - SHOWN_TYPES)} more` : shown
}

/** All exchanges that the types of a catalogue are published to. */
export function exchangesOf(catalogue: Catalogue, source: string): readonly string[] {
  const exchanges = catalogue.types.map((type) => catalogue.find(type)?.exchange ?? defaultExchange(source))
  return [...new Set(exchanges)]
}

/**
 * The exchange of a type: its own or its catalogue's, else `<source>.events`.
 *
 * @param source of the outbox that writes; consumers have none.
 * @throws WaybillError WAYBILL_EXCHANGE_UNKNOWN
 */
export function exchangeOf(definition: TypeDefinition, source?: string): string {
  const exchange = definition.exchange ?? (source === undefined ? null : defaultExchange(source))
  if (exchange !== null) return exchange
  throw new WaybillError('WAYBILL_EXCHANGE_UNKNOWN', {
    problem: `The exchange of message type ${quote(definition.type)} is not known here.`,
    remedy: `Name the service that owns it, defineMessages({ … }, { source: 'orders' }), or its exchange, messageType({ exchange: 'orders.events' }).`,
  })
}
