import type { ConfigProblem } from './problem.ts'
import { showSecret } from './secrets.ts'

/** One outbox: a schema of a database. */
export interface DatabaseTarget {
  /** As a driver takes it. */
  readonly url: string
  readonly schema: string
}

/** Names the schema inside of a URL; ours by its name, since other tools read `schema`. */
const SCHEMA_PARAMETER = 'waybill_schema'

interface DatabaseValues {
  readonly WAYBILL_DATABASE_URL: string | null
  readonly WAYBILL_SCHEMA: string
}

/** The URLs of a text that holds one or several. */
export function urlsIn(text: string | null): string[] {
  return text === null ? [] : text.split(/\s+/).filter((url) => url !== '')
}

/** Every outbox that is configured, in the order of the variable. */
export function databasesOf({ WAYBILL_DATABASE_URL, WAYBILL_SCHEMA }: DatabaseValues): DatabaseTarget[] {
  return urlsIn(WAYBILL_DATABASE_URL).flatMap((text) => {
    const schemas = schemasOf(text)
    if (schemas.length === 0) return [{ url: text, schema: WAYBILL_SCHEMA }]
    const url = withoutSchemas(text)
    return schemas.map((schema) => ({ url, schema }))
  })
}

/**
 * By what metrics tell an outbox from others.
 * @param only how it is called when there is only one.
 */
export function outboxName(
  target: DatabaseTarget,
  { targets, only }: { readonly targets: readonly DatabaseTarget[]; readonly only: string },
): string {
  return targets.length > 1 ? uniqueName(target, targets) : only
}

/** Database and schema tell most outboxes apart; where two servers have the same ones, the host comes first. */
export function uniqueName(target: DatabaseTarget, all: readonly DatabaseTarget[]): string {
  const name = shortName(target)
  const isTaken = all.some((other) => other !== target && shortName(other) === name)
  return isTaken ? `${new URL(target.url).host}.${name}` : name
}

function shortName({ url, schema }: DatabaseTarget): string {
  return `${new URL(url).pathname.slice(1)}.${schema}`
}

/** The schemas that a URL names itself. */
export function schemasOf(url: string): string[] {
  return new URL(url).searchParams.getAll(SCHEMA_PARAMETER)
}

/** The text of the rest stays as it is, since drivers read URLs in their own ways. */
function withoutSchemas(url: string): string {
  const [address = '', query = ''] = url.split(/\?(.*)/s, 2)
  const rest = query.split('&').filter((pair) => pair.split('=', 1)[0] !== SCHEMA_PARAMETER)
  return rest.length === 0 ? address : `${address}?${rest.join('&')}`
}

/** Two relays of one process on the same outbox would only share its lanes and cost connections. */
export function repeatedDatabases(values: DatabaseValues): ConfigProblem[] {
  const seen = new Set<string>()
  const repeated = databasesOf(values).filter((target) => {
    const id = JSON.stringify(target)
    const known = seen.has(id)
    seen.add(id)
    return known
  })
  return repeated.map(({ url, schema }) => ({
    variable: 'WAYBILL_DATABASE_URL',
    value: showSecret(url),
    problem: `names schema "${schema}" of one database twice`,
    wanted: null,
    remedy: `Name each outbox once; ?${SCHEMA_PARAMETER}= tells schemas of one database apart.`,
  }))
}
