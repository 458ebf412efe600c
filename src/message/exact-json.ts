import { types } from 'node:util'
import { WaybillError } from '../errors.ts'
import { isPlainObject } from './plain-object.ts'
import { joinPath } from './standard-schema.ts'

/** How deep objects and arrays may lie in one another. */
export const JSON_DEPTH = 200

/** What is known while a payload is looked through. */
interface Walk {
  readonly maxBytes: number
  /** At least how many bytes the text will have. */
  bytes: number
  /** The containers around the current value, the outermost first. */
  readonly around: object[]
  readonly path: PropertyKey[]
}

/**
 * The JSON text of `payload`, which parses to a value that is deeply equal to it.
 *
 * Refused is whatever `JSON.stringify` would change without a word: undefined, functions, symbols, dates and other instances,
 * `toJSON`, NaN, Infinity, -0, holes; and what JSON cannot hold: BigInt, unpaired surrogates, cycles. An object without a
 * prototype comes out as an ordinary one, and an object that occurs twice comes out as two.
 *
 * @param maxBytes ends the work early when the text is certain to be longer.
 * @throws WaybillError WAYBILL_PAYLOAD_NOT_EXACT with the path of the value, or WAYBILL_MESSAGE_TOO_LARGE.
 */
export function stringifyExactJson(payload: unknown, maxBytes: number): string {
  check(payload, { maxBytes, bytes: 0, around: [], path: [] })
  return JSON.stringify(payload)
}

function check(value: unknown, walk: Walk): void {
  if (typeof value === 'string') checkText(value, walk)
  else if (typeof value === 'number') checkNumber(value, walk)
  else if (value === null || typeof value === 'boolean') grow(walk, 4)
  else if (typeof value === 'object') checkContainer(value, walk)
  else refuse(walk, value === undefined ? 'is undefined' : `is a ${typeof value}`, ADVICE[typeof value])
}

function checkText(text: string, walk: Walk): void {
  if (!text.isWellFormed()) refuse(walk, 'is a text with an unpaired surrogate', 'UTF-8 cannot carry it.')
  grow(walk, text.length + 2)
}

function checkNumber(number: number, walk: Walk): void {
  if (!Number.isFinite(number)) {
    refuse(walk, `is ${String(number)}`, 'JSON has no such number; send null or a text.')
  }
  if (Object.is(number, -0)) refuse(walk, 'is -0', 'JSON.stringify would make it 0; send 0.')
  grow(walk, 1)
}

const ADVICE: Partial<Record<string, string>> = {
  undefined: 'Leave the property out, or send null.',
  bigint: 'Send its toString(), as most readers of JSON would round the number.',
  function: 'Send data only.',
  symbol: 'Send a text.',
}

function checkContainer(value: object, walk: Walk): void {
  if (walk.around.includes(value)) refuse(walk, 'contains itself', 'JSON has no cycles; send an id instead.')
  if (walk.around.length >= JSON_DEPTH) {
    refuse(walk, `lies more than ${String(JSON_DEPTH)} levels deep`, 'Send a flatter payload.')
  }
  if (types.isProxy(value)) refuse(walk, 'is a Proxy', 'Its answers may change; send a plain copy.')
  walk.around.push(value)
  if (Array.isArray(value)) checkArray(value, walk)
  else checkObject(value, walk)
  walk.around.pop()
}

function checkArray(value: readonly unknown[], walk: Walk): void {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (!Array.isArray(prototype))
    refuse(walk, 'is an instance of a subclass of Array', 'Send Array.from(…) of it.')
  checkNoToJson(value, walk)
  grow(walk, value.length + 1)
  for (let index = 0; index < value.length; index += 1) {
    walk.path.push(index)
    checkProperty(Object.getOwnPropertyDescriptor(value, index), walk)
    walk.path.pop()
  }
  checkNothingHidden(value, value.length + 1, walk)
}

function checkObject(value: object, walk: Walk): void {
  if (!isPlainObject(value)) refuse(walk, ...describeInstance(value))
  if (isRawJson(value)) refuse(walk, 'is raw JSON', 'It would come out as another value; send a text.')
  checkNoToJson(value, walk)
  const keys = Object.keys(value)
  grow(walk, 2)
  for (const key of keys) {
    walk.path.push(key)
    if (!key.isWellFormed()) refuse(walk, 'has a name with an unpaired surrogate', 'UTF-8 cannot carry it.')
    grow(walk, key.length + 3)
    checkProperty(Object.getOwnPropertyDescriptor(value, key), walk)
    walk.path.pop()
  }
  checkNothingHidden(value, keys.length, walk)
}

/** What `JSON.rawJSON` makes, on releases of Node.js that have it. */
const isRawJson: (value: object) => boolean =
  (JSON as { isRawJSON?: (value: unknown) => boolean }).isRawJSON ?? (() => false)

function checkProperty(descriptor: PropertyDescriptor | undefined, walk: Walk): void {
  if (descriptor === undefined) refuse(walk, 'is a hole in an array', 'Send null in its place.')
  if (descriptor.get !== undefined || descriptor.set !== undefined) {
    refuse(walk, 'is a getter or setter', 'Its value may change; send a plain copy.')
  }
  check(descriptor.value, walk)
}

function checkNoToJson(value: object, walk: Walk): void {
  if (typeof Reflect.get(value, 'toJSON') !== 'function') return
  refuse(walk, 'has a method toJSON', 'It would be replaced by what toJSON gives; send that.')
}

/** JSON leaves out properties that are symbols or not enumerable, and all names of an array; `length` is one of them. */
function checkNothingHidden(value: object, known: number, walk: Walk): void {
  const names = Object.getOwnPropertyNames(value).length
  if (names === known && Object.getOwnPropertySymbols(value).length === 0) return
  refuse(
    walk,
    'has properties that JSON leaves out (symbols, names of an array, not enumerable ones)',
    'Send a plain copy.',
  )
}

function describeInstance(value: object): [problem: string, wanted: string] {
  if (types.isDate(value)) return ['is a Date', 'Send its toISOString(); it would come out as a text.']
  if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) {
    return ['holds bytes', 'Define the type with the codec "bytes", or send a text such as base64.']
  }
  if (types.isMap(value)) return ['is a Map', 'Send Object.fromEntries(…) or an array of its entries.']
  if (types.isSet(value)) return ['is a Set', 'Send an array of its members.']
  const maker: unknown = Reflect.get(value, 'constructor')
  const name = typeof maker === 'function' && maker.name !== '' ? maker.name : 'a class'
  return [`is an instance of ${name}`, 'It would come out as a plain object; send one.']
}

function grow(walk: Walk, bytes: number): void {
  walk.bytes += bytes
  if (walk.bytes <= walk.maxBytes) return
  throw new WaybillError('WAYBILL_MESSAGE_TOO_LARGE', {
    problem: `The JSON of the payload has more than ${String(walk.maxBytes)} bytes.`,
    wanted: 'That is the limit (limits.bodyBytes).',
    remedy: 'Send a reference to large content rather than the content, or raise the limit of this outbox.',
  })
}

const SHOWN_PATH = 200

function refuse(walk: Walk, problem: string, wanted?: string): never {
  const path = walk.path.reduce<string>(joinPath, 'payload')
  const shown = path.length > SHOWN_PATH ? `${path.slice(0, SHOWN_PATH)}…` : path
  throw new WaybillError('WAYBILL_PAYLOAD_NOT_EXACT', {
    problem: `${shown} ${problem}.`,
    ...(wanted === undefined ? {} : { wanted }),
  })
}
