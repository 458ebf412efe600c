import { createHash, randomBytes } from 'node:crypto'
import type { ClientBase } from 'pg'
import type { Database } from 'waybill'
import { createAdmin, tokenAuth } from 'waybill/admin'
import { createOperations } from 'waybill/ports'

/** Where the admin API is, and what opens it. */
export interface AdminAccess {
  readonly url: string
  readonly token: string
}

export interface AdminInService extends AdminAccess {
  close(): Promise<void>
}

/**
 * Serves the admin API inside a service: for this machine only, with a token that is made anew each time. A relay
 * process does the same with WAYBILL_ADMIN_LISTEN and tokens that outlive it.
 */
export async function serveAdmin(database: Database<ClientBase>): Promise<AdminInService> {
  const token = randomBytes(32).toString('hex')
  const sha256 = createHash('sha256').update(token).digest('hex')
  const admin = createAdmin({
    operations: createOperations({ database }),
    authenticate: tokenAuth([{ name: 'demo', grants: ['operator', 'payload:read'], sha256 }]),
    classify: (error) => database.classify(error),
  })
  const server = await admin.listen({ host: '127.0.0.1', port: 0 })
  return {
    url: `http://127.0.0.1:${String(server.address.port)}/api/v1`,
    token,
    close: () => server.close(),
  }
}

/** Lines to paste into a shell. */
export function curlLines({ url, token }: AdminAccess, consumer: string): string {
  const get = 'curl -s -H "$AUTH" $API'
  const change = `curl -s -X POST -H "$AUTH" -H "Idempotency-Key: $(openssl rand -hex 16)"`
  return [
    `API=${url}`,
    `AUTH='Authorization: Bearer ${token}'`,
    `${get}/me`,
    `${get}/stats`,
    `${get}/failure-groups`,
    `${get}/bulk-operations`,
    `${get}/audit-events`,
    `${change} -H 'Content-Type: application/json' $API/consumers/${consumer}/pause -d '{"reason":"A look."}'`,
    `${change} $API/consumers/${consumer}/resume`,
  ].join('\n')
}
