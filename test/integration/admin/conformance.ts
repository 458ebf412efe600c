import { Ajv2020 } from 'ajv/dist/2020.js'
import type { FormatsPlugin } from 'ajv-formats'
import addFormatsModule from 'ajv-formats'
import { textOf } from '../../tidy/repository.ts'

interface Described {
  readonly operationId: string
  readonly responses: Readonly<Record<string, { readonly $ref?: string; readonly content?: object }>>
}

interface ApiDocument {
  readonly servers: readonly { readonly url: string }[]
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>
}

const document = JSON.parse(textOf('docs/api/openapi.json')) as ApiDocument
const basePath = document.servers[0]!.url
// Its types are those of a CommonJS module.
const addFormats = addFormatsModule as unknown as FormatsPlugin
const ajv = new Ajv2020({ strict: false, allErrors: true })
addFormats(ajv)
ajv.addSchema(document, 'api')

export interface Seen {
  readonly method: string
  readonly path: string
  readonly status: number
  readonly contentType: string
  readonly text: string
}

const answered = new Set<string>()

/** Every operation and status that was answered as the document says, such as `dead-letters.show 200`. */
export function answeredKinds(): ReadonlySet<string> {
  return answered
}

/** Every operation of the document. */
export function operations(): string[] {
  return Object.values(document.paths).flatMap((methods) =>
    Object.values(methods).map(({ operationId }) => operationId),
  )
}

/** Throws when an answer is not what docs/api/openapi.json says of its path, method, status and media type. */
export function checkAnswer(seen: Seen): void {
  const found = find(seen)
  // What is no operation of the document has one form everywhere.
  if (found === null) {
    checkJson('#/components/schemas/Problem', seen)
    return
  }
  const { path, operation } = found
  const response = operation.responses[seen.status]
  if (response === undefined)
    throw new Error(`${operation.operationId} has no answer ${seen.status}: ${seen.text}`)
  const mediaType = seen.contentType.split(';')[0]!
  const place =
    response.$ref ?? `#/paths/${escaped(path)}/${seen.method.toLowerCase()}/responses/${seen.status}`
  const schema = `${place}/content/${escaped(mediaType)}/schema`
  if (/[/+]json$/.test(mediaType)) checkJson(schema, seen)
  else if (!Object.hasOwn(response.content ?? {}, mediaType))
    throw new Error(`${mediaType} is not described.`)
  answered.add(`${operation.operationId} ${seen.status}`)
}

function find({ method, path }: Seen): { readonly path: string; readonly operation: Described } | null {
  const own = path.split('?')[0]!
  for (const [template, methods] of Object.entries(document.paths)) {
    const pattern = template.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')
    const operation = methods[method.toLowerCase()]
    if (operation !== undefined && new RegExp(`${basePath}${pattern}$`).test(own))
      return { path: template, operation }
  }
  return null
}

function checkJson(pointer: string, { method, path, status, text }: Seen): void {
  const validate = ajv.getSchema(`api${pointer}`)
  if (validate === undefined) throw new Error(`${pointer} is not described.`)
  if (validate(JSON.parse(text))) return
  throw new Error(
    `${method} ${path} ${status} is not as described: ${ajv.errorsText(validate.errors)}\n${text}`,
  )
}

function escaped(part: string): string {
  return encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'))
}
