/** Of the document, what the pages are made of. */
export interface ApiDocument {
  readonly info: { readonly description: string }
  readonly tags: readonly { readonly name: string }[]
  readonly servers: readonly { readonly url: string }[]
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>
    readonly responses: Readonly<Record<string, Response>>
  }
}

interface Operation {
  readonly operationId: string
  readonly summary: string
  readonly description: string
  readonly tags: readonly string[]
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly content: Content }
  readonly responses: Readonly<Record<string, Response | Reference>>
}

interface Response {
  readonly description: string
  readonly content: Content
}

interface Reference {
  readonly $ref: string
}

interface Parameter {
  readonly name: string
  readonly in: string
  readonly required: boolean
  readonly description: string
  readonly schema: Schema
}

type Content = Readonly<Record<string, { readonly schema: Schema }>>

interface Schema {
  readonly $ref?: string
  readonly type?: string
  readonly description?: string
  readonly format?: string
  readonly enum?: readonly string[]
  readonly default?: unknown
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
}

interface Placed extends Operation {
  readonly method: string
  readonly path: string
}

/** The pages of docs/api: one for all, one for each tag, one for what travels. */
export function apiPages(document: ApiDocument): (readonly [string, string])[] {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      ...operation,
      method: method.toUpperCase(),
      path,
    })),
  )
  const tags = document.tags.map(({ name }) => name)
  return [
    ['docs/api/README.md', overview(document, operations)],
    ...tags.map((tag) => [`docs/api/${slug(tag)}.md`, tagPage(tag, operations, document)] as const),
    ['docs/api/schemas.md', schemaPage(document)],
  ]
}

const NOTE = '<!-- Made by `npm run api` out of the routes; edit those. -->'

function slug(text: string): string {
  return text.toLowerCase().replaceAll(' ', '-')
}

function overview({ info, servers, tags }: ApiDocument, operations: readonly Placed[]): string {
  const sections = tags.map(({ name }) => {
    const own = operations.filter((operation) => operation.tags.includes(name))
    const rows = own.map(({ method, path, summary, description }) => {
      return `| \`${method} ${path}\` | ${summary} | ${neededIn(description)} |`
    })
    return [
      `## ${name}`,
      '',
      `[Details](${slug(name)}.md)`,
      '',
      '| request | what it does | needs |',
      '| --- | --- | --- |',
      ...rows,
    ]
  })
  return [
    NOTE,
    '# Admin API: reference',
    '',
    `${info.description} All paths begin with \`${servers[0]?.url ?? ''}\`. The document for programs is [openapi.json](openapi.json), what travels is told in [schemas.md](schemas.md), and [the guide](../guides/admin-api.md) says how to set it up and use it.`,
    '',
    ...sections.flatMap((lines) => [...lines, '']),
  ].join('\n')
}

function neededIn(description: string): string {
  return /Needs (`[^`]+`)\.$/.exec(description)?.[1] ?? ''
}

function tagPage(tag: string, operations: readonly Placed[], document: ApiDocument): string {
  const own = operations.filter((operation) => operation.tags.includes(tag))
  return [
    NOTE,
    `# Admin API: ${tag.toLowerCase()}`,
    '',
    '[All requests](README.md)',
    '',
    ...own.flatMap((operation) => operationLines(operation, document)),
  ].join('\n')
}

function operationLines(operation: Placed, document: ApiDocument): string[] {
  const { method, path, summary, description, operationId } = operation
  const { parameters = [], requestBody, responses } = operation
  const rows = parameters.map(
    ({ name, in: place, required, description: meaning, schema }) =>
      `| \`${name}\` | ${place} | ${typeOf(schema)}${required ? ', needed' : ''} | ${meaning}${fallbackOf(schema)} |`,
  )
  const answers = Object.entries(responses).map(([status, response]) => {
    if ('$ref' in response) return `| ${status} | ${responseAt(response, document).description} |`
    const type = Object.values(response.content)[0]?.schema ?? {}
    return `| ${status} | ${response.description} ${typeOf(type)} |`
  })
  const body =
    requestBody === undefined
      ? []
      : [`Body: ${typeOf(Object.values(requestBody.content)[0]?.schema ?? {})}`, '']
  return [
    `## ${summary}`,
    '',
    `\`${method} ${path}\` (\`${operationId}\`). ${description}`,
    '',
    ...(rows.length > 0
      ? ['| parameter | in | type | meaning |', '| --- | --- | --- | --- |', ...rows, '']
      : []),
    ...body,
    '| status | answer |',
    '| --- | --- |',
    ...answers,
    '',
  ]
}

function responseAt({ $ref }: Reference, { components }: ApiDocument): Response {
  const found = components.responses[$ref.split('/').at(-1) ?? '']
  if (found === undefined) throw new Error(`${$ref} leads nowhere.`)
  return found
}

function schemaPage({ components }: ApiDocument): string {
  const sections = Object.entries(components.schemas).flatMap(([name, schema]) => [
    `## ${name}`,
    '',
    ...(/(Page|List|Resumed)$/.test(name) ? pageLines(schema) : memberLines(schema)),
    '',
  ])
  return [NOTE, '# Admin API: what travels', '', ...sections].join('\n')
}

/** Pages of lists differ in their items only. */
function pageLines({ properties = {} }: Schema): string[] {
  return [
    Object.entries(properties)
      .map(([name, schema]) => `\`${name}\`: ${typeOf(schema)}`)
      .join('; '),
  ]
}

function memberLines({ description, properties = {}, required = [] }: Schema): string[] {
  const rows = Object.entries(properties).map(([member, schema]) => {
    const type = `${typeOf(schema)}${required.includes(member) ? '' : ', optional'}`
    return `| \`${member}\` | ${type} | ${meaningOf(schema)}${fallbackOf(schema)} |`
  })
  const head = ['| member | type | meaning |', '| --- | --- | --- |']
  return [...(description === undefined ? [] : [description, '']), ...head, ...rows]
}

function typeOf(schema: Schema): string {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.split('/').at(-1) ?? ''
    return `[${name}](schemas.md#${name.toLowerCase()})`
  }
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeOf).join(' or ')
  if (schema.enum !== undefined) return schema.enum.map((word) => `\`${word}\``).join(', ')
  if (schema.type === 'array') return `list of ${typeOf(schema.items ?? {})}`
  return schema.format ?? schema.type ?? 'anything'
}

function meaningOf(schema: Schema): string {
  const own = schema.description ?? schema.items?.description ?? ''
  return own === ''
    ? (schema.anyOf?.map(({ description }) => description).find((text) => text !== undefined) ?? '')
    : own
}

function fallbackOf({ default: fallback }: Schema): string {
  return fallback === undefined ? '' : ` Left out: \`${JSON.stringify(fallback)}\`.`
}
