import { isWaybillError, WaybillError } from '../errors.ts'
import { definitionOf, type Catalogue, type TypeName } from './catalogue.ts'
import { checkContent } from './check-content.ts'
import type { TypeDefinition } from './definition.ts'
import type { Envelope } from './envelope.ts'
import type { Message, ReadMessage } from './message.ts'
import { quote } from './text.ts'
import { validatePayload } from './validate.ts'

/**
 * Turns a delivered envelope into the message its handler gets: decodes the body, brings an older version up to date,
 * validates.
 *
 * @throws WaybillError WAYBILL_TYPE_UNKNOWN, WAYBILL_PAYLOAD_UNREADABLE, WAYBILL_VERSION_UNSUPPORTED or
 * WAYBILL_PAYLOAD_INVALID. What a schema or an upcast itself throws passes through.
 */
export async function decodeMessage<C extends Catalogue>(
  catalogue: C,
  envelope: Envelope,
): Promise<Message<C, TypeName<C>>> {
  return decodeSoon(catalogue, envelope)
}

/** As `decodeMessage`, but at once unless a schema or an upcast has to be waited for. */
export function decodeSoon<C extends Catalogue>(
  catalogue: C,
  envelope: Envelope,
): Message<C, TypeName<C>> | Promise<Message<C, TypeName<C>>> {
  const definition = definitionOf(catalogue, envelope.type)
  checkVersion(definition, envelope.version)
  checkContent(definition, envelope)
  const payload = readPayload(definition, envelope)
  if (!(payload instanceof Promise)) return messageOf(envelope, payload)
  return payload.then((settled: unknown) => messageOf(envelope, settled))
}

/** The catalogue, which the compiler cannot look into, has vouched for type and payload. */
function messageOf(envelope: Envelope, payload: unknown): ReadMessage<string, unknown> {
  return {
    messageId: envelope.messageId,
    type: envelope.type,
    version: envelope.version,
    source: envelope.source,
    key: envelope.key,
    correlationId: envelope.correlationId,
    causationId: envelope.causationId,
    createdAt: new Date(envelope.createdAt),
    headers: envelope.headers,
    payload,
  }
}

function checkVersion(definition: TypeDefinition, version: number): void {
  if (Number.isSafeInteger(version) && version >= 1 && version <= definition.version) return
  throw new WaybillError('WAYBILL_VERSION_UNSUPPORTED', {
    problem: `A message of type ${quote(definition.type)} has version ${String(version)}.`,
    wanted: `This catalogue reads versions 1 to ${String(definition.version)}.`,
    remedy:
      'Deploy the new catalogue to those who handle a type before those who write it, then replay the message.',
  })
}

/** A promise only if somebody has to be waited for. */
function readPayload(definition: TypeDefinition, envelope: Envelope): unknown {
  const decoded = decodeBody(definition, envelope.body)
  if (envelope.version === definition.version) return validatePayload(definition, decoded)
  return readOlder(definition, decoded, envelope.version)
}

async function readOlder(definition: TypeDefinition, decoded: unknown, version: number): Promise<unknown> {
  if (definition.upcast === null) return readUnchanged(definition, decoded, version)
  return validatePayload(definition, await definition.upcast(decoded, version))
}

function decodeBody(definition: TypeDefinition, body: Buffer): unknown {
  try {
    return definition.codec.decode(body)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new WaybillError('WAYBILL_PAYLOAD_UNREADABLE', {
      problem: `The body of a message of type ${quote(definition.type)} is not ${definition.codec.contentType}: ${reason}`,
      cause: error,
    })
  }
}

/** An older payload without an upcast is taken only if the current schema vouches for it. */
async function readUnchanged(
  definition: TypeDefinition,
  decoded: unknown,
  version: number,
): Promise<unknown> {
  try {
    if (definition.schema !== null) return await validatePayload(definition, decoded)
  } catch (error) {
    if (!isWaybillError(error, 'WAYBILL_PAYLOAD_INVALID')) throw error
    throw tooOld(definition, version, error)
  }
  throw tooOld(definition, version)
}

function tooOld(definition: TypeDefinition, version: number, cause?: WaybillError): WaybillError {
  return new WaybillError('WAYBILL_VERSION_UNSUPPORTED', {
    problem: `A message of type ${quote(definition.type)} has version ${String(version)}, which does not pass for version ${String(definition.version)}${cause === undefined ? ' without a schema to check it' : ''}.`,
    remedy:
      'Give its messageType(…) an upcast that turns the older payload into the current one, then replay the message.',
    cause,
  })
}
