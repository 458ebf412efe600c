import { createOperations, type Database, type Logger, type TelemetryOption } from '../src/ports.ts'
import type { Admin, AdminServer, Authenticate } from './admin/index.ts'
import type { Config } from './config.ts'
import { takesJwt } from './config/admin-relations.ts'
import { uniqueName, type DatabaseTarget } from './config/databases.ts'

/** An outbox that the admin API looks into. */
export interface AdminOutbox {
  readonly target: DatabaseTarget
  readonly database: Pick<Database<unknown>, 'deadLetters' | 'classify'>
  readonly telemetry: TelemetryOption
}

/**
 * Serves the admin API where the configuration says so; null when it does not. The libraries that it needs are loaded
 * only then.
 * @throws WaybillError WAYBILL_CONFIGURATION_INVALID when its address cannot be listened on.
 */
export async function composeAdmin(
  { values }: Config,
  outboxes: readonly AdminOutbox[],
  logger: Logger,
): Promise<AdminServer | null> {
  const { WAYBILL_ADMIN_LISTEN: address } = values
  if (address === null) return null
  const door = await import('./admin/index.ts')
  const authenticate = authenticateBy(values, door)
  const editing = values.WAYBILL_ADMIN_EDIT_AND_REPLAY === 'on'
  const targets = outboxes.map(({ target }) => target)
  const admins = outboxes.map(({ target, database, telemetry }) => {
    const operations = createOperations({ database, editing, telemetry })
    const classify = database.classify.bind(database)
    const admin = door.createAdmin({ operations, authenticate, classify, logger, telemetry })
    return [pathOf(target, targets), admin] as const
  })
  const [only, ...others] = admins.map(([, admin]) => admin)
  if (only !== undefined && others.length === 0) return only.listen(address)
  return door.listenFor(new Map<string, Admin>(admins), address)
}

function authenticateBy(values: Config['values'], door: typeof import('./admin/index.ts')): Authenticate {
  if (values.WAYBILL_ADMIN_AUTH === 'none') return door.openAuth()
  const ways: Authenticate[] = []
  if (values.WAYBILL_ADMIN_TOKENS !== null) ways.push(door.tokenAuth(values.WAYBILL_ADMIN_TOKENS))
  if (takesJwt(values)) {
    ways.push(
      door.jwtAuth({
        issuer: values.WAYBILL_ADMIN_JWT_ISSUER ?? '',
        audience: values.WAYBILL_ADMIN_JWT_AUDIENCE ?? '',
        jwksUrl: values.WAYBILL_ADMIN_JWT_JWKS_URL ?? '',
        rolesClaim: values.WAYBILL_ADMIN_JWT_ROLES_CLAIM,
      }),
    )
  }
  return door.anyOf(...ways)
}

function pathOf(target: DatabaseTarget, all: readonly DatabaseTarget[]): string {
  return `/outboxes/${encodeURIComponent(uniqueName(target, all))}`
}
