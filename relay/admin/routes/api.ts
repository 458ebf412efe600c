import { Type } from 'typebox'
import { PERMISSIONS, ROLES, isGranted, type Grant } from '../auth/principal.ts'
import { openApiDocument } from '../openapi/document.ts'
import { route, type Route } from '../route.ts'
import { CLOSED, describes, oneOf, type SchemaOf } from '../schemas/describe.ts'
import { anyText } from '../schemas/values.ts'
import { AUDIT_ROUTES } from './audit.ts'
import { BULK_ROUTES } from './bulk.ts'
import { LETTER_CHANGE_ROUTES } from './letter-changes.ts'
import { LETTER_ROUTES } from './letters.ts'
import { MESSAGE_ROUTES } from './messages.ts'
import { SERVICE_ROUTES } from './services.ts'

/** Below what the API is mounted at. */
export const API_PATH = '/api/v1'

interface Me {
  readonly name: string
  readonly grants: readonly Grant[]
  readonly operations: readonly string[]
}

const ME: SchemaOf<Me> = describes<Me>('Me')(
  Type.Object(
    {
      name: anyText('As audit events name you.'),
      grants: Type.Array(
        oneOf([...ROLES, ...PERMISSIONS], 'A role, which brings those before it along, or a permission.'),
      ),
      operations: Type.Array(Type.String(), { description: 'What you may do, by `operationId`.' }),
    },
    CLOSED,
  ),
)

/** The document as text: what docs/api/openapi.json holds. */
export function openApiText(): string {
  return `${JSON.stringify(openApiDocument(ROUTES, API_PATH), null, 2)}\n`
}

/** Everything that can be asked for. */
export const ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    path: '/me',
    operation: 'me.show',
    summary: 'Who you are, and what you may do',
    tag: 'This API',
    needs: 'reader',
    answers: { 200: { description: 'You.', schema: ME } },
    run: ({ principal: { name, grants } }) => {
      const allowed = ROUTES.filter(({ needs }) => isGranted(grants, needs))
      return Promise.resolve({
        body: { name, grants, operations: allowed.map(({ operation }) => operation) },
      })
    },
  }),
  ...SERVICE_ROUTES,
  ...LETTER_ROUTES,
  ...LETTER_CHANGE_ROUTES,
  ...BULK_ROUTES,
  ...MESSAGE_ROUTES,
  ...AUDIT_ROUTES,
  route({
    method: 'GET',
    path: '/openapi.json',
    operation: 'openapi.show',
    summary: 'This document',
    tag: 'This API',
    needs: 'reader',
    answers: { 200: { description: 'The OpenAPI document.', schema: Type.Object({}) } },
    run: () => Promise.resolve({ json: openApiText() }),
  }),
]
