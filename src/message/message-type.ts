import type { Codec } from './codec.ts'
import type { SchemaInput, SchemaOutput, StandardSchema } from './standard-schema.ts'

/** What becomes of a message that no queue is bound for: kept until one is, dropped, or kept aside for a person. */
export type Unroutable = (typeof UNROUTABLE)[number]

export const UNROUTABLE = ['hold', 'ignore', 'dead'] as const

/** What {@link messageType} takes beside the payload's type. */
export interface MessageTypeOptions {
  /** Version of the payload that is written and handled now: 1 or more. Default 1. */
  readonly version?: number | undefined
  /** Exchange that messages of this type are published to. Default `<source of the catalogue>.events`. */
  readonly exchange?: string | undefined
  /** Default: the name of the type. */
  readonly routingKey?: string | undefined
  /**
   * Whether consumers may handle it in mode `key`, each key in order: its messages are then published with a second,
   * hidden routing key. Deploy it to those who write before those who handle. Default false.
   */
  readonly partitioned?: boolean | undefined
  /**
   * What becomes of a message that no queue is bound for: `hold` keeps it until one is, `ignore` drops it, `dead` moves it
   * aside for a person. Default: what the relay is told by `onUnroutable`, which is `hold` unless changed.
   */
  readonly unroutable?: Unroutable | undefined
}

/** Turns the payload of an older version, as it was decoded, into what the current version takes. */
export type Upcast<Input> = (payload: unknown, fromVersion: number) => Input | Promise<Input>

/** A message type with its details; made by {@link messageType}. */
export interface MessageType<Input, Output = Input> {
  readonly options: MessageTypeOptions & {
    readonly schema?: StandardSchema | undefined
    readonly codec?: 'json' | 'bytes' | Codec | undefined
    readonly upcast?: Upcast<unknown> | undefined
  }
  /** For the compiler only; never there at run time. */
  readonly payloads?: { readonly input: Input; readonly output: Output }
}

/**
 * Describes a message type whose name alone, with a schema, does not say enough.
 *
 * @example
 * ```ts
 * const messages = defineMessages({
 *   'order.placed': messageType({
 *     schema: z.object({ orderId: z.string(), total: z.number() }),
 *     version: 2,
 *     upcast: (old) => ({ total: 0, ...(old as { orderId: string }) }),
 *   }),
 *   'order.shipped': messageType<{ orderId: string }>(),
 *   'label.printed': messageType({ codec: 'bytes', exchange: 'labels' }),
 * })
 * ```
 */
export function messageType<Schema extends StandardSchema>(
  options: MessageTypeOptions & {
    /** Any validator that speaks Standard Schema. Writers are held to its input; handlers get its output. */
    readonly schema: Schema
    readonly codec?: 'json' | 'bytes' | Codec<SchemaInput<Schema>> | undefined
    readonly upcast?: Upcast<SchemaInput<Schema>> | undefined
  },
): MessageType<SchemaInput<Schema>, SchemaOutput<Schema>>
export function messageType(
  options: MessageTypeOptions & { readonly codec: 'bytes'; readonly upcast?: Upcast<Uint8Array> | undefined },
): MessageType<Uint8Array, Buffer>
export function messageType<Payload>(
  options?: MessageTypeOptions & {
    /** Without a schema the payload's type is a claim that nobody checks at run time. */
    readonly schema?: undefined
    readonly codec?: 'json' | Codec<Payload> | undefined
    readonly upcast?: Upcast<Payload> | undefined
  },
): MessageType<Payload>
export function messageType(options: MessageType<unknown>['options'] = {}): MessageType<unknown> {
  return Object.freeze({ options })
}

export function isMessageType(value: unknown): value is MessageType<unknown> {
  if (typeof value !== 'object' || value === null) return false
  const options: unknown = Reflect.get(value, 'options')
  return typeof options === 'object' && options !== null
}
