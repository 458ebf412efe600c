import { isWaybillError, WaybillError } from '../../src/index.ts'
import {
  databasesOf,
  describeTarget,
  lookAtBroker,
  lookAtManagement,
  withDatabase,
  type ContentFacts,
  type DatabaseTarget,
  type Role,
} from '../compose.ts'
import type { Config } from '../config.ts'
import { sentenceOf } from '../logging/describe-error.ts'
import { error, findingOf, findings, ok, unchecked, type Finding } from './check.ts'
import { BROKER, BROKER_REACHABLE, DATABASE_REACHABLE, SETUP, TRAFFIC } from './checks/index.ts'
import type { Asked, SetupFacts, TrafficFacts } from './facts.ts'

export interface Examination {
  /** The role that the login of the database is to play. */
  readonly role: Role
  /** Beside those that the tables name. */
  readonly exchanges: readonly string[]
  readonly queues: readonly string[]
}

/** What was found at one place. */
export interface Examined {
  /** An outbox, or the broker. */
  readonly subject: string
  readonly findings: readonly Finding[]
}

/** From this age on a transaction counts as long. */
const LONG_MS = 5 * 60_000

/** Looks at every outbox and at the broker. Changes nothing. What cannot be reached is a finding, not an error. */
export async function examine(config: Config, examination: Examination): Promise<Examined[]> {
  const outboxes: Examined[] = []
  const names: ContentFacts[] = []
  for (const target of databasesOf(config.values)) {
    const found = await examineOutbox(target, config, examination.role)
    outboxes.push({ subject: describeTarget(target), findings: found.findings })
    names.push(found.names)
  }
  const broker = await examineBroker(config, {
    exchanges: join([...names.map(({ exchanges }) => exchanges), examination.exchanges]),
    consumers: join([...names.map(({ consumers }) => consumers), examination.queues]),
  })
  return [...outboxes, { subject: 'broker', findings: broker }]
}

const NO_NAMES: ContentFacts = { exchanges: null, consumers: null }

async function examineOutbox(
  target: DatabaseTarget,
  config: Config,
  role: Role,
): Promise<{ readonly findings: readonly Finding[]; readonly names: ContentFacts }> {
  const opening = { config, applicationName: 'waybill doctor' }
  try {
    return await withDatabase(target, opening, async ({ database, inspect }) => {
      const setup: SetupFacts = {
        ...(await inspect.setup(role)),
        poolSize: config.values.WAYBILL_DATABASE_POOL_SIZE,
        schema: await asked(async () => (await database.relay.meta()).schemaVersion),
        migrations: await asked(() => inspect.migrations()),
      }
      const traffic: TrafficFacts = {
        ...(await inspect.activity(LONG_MS)),
        longMs: LONG_MS,
        contents: await asked(async () => {
          const lanes = await database.relay.lanes()
          const blocked = await database.relay.blockedKeys(lanes.map(({ lane }) => lane))
          return { backlog: await database.relay.backlog(), lanes, blockedKeys: blocked.size }
        }),
        consumers: await asked(async () => (await database.deadLetters?.consumers()) ?? []),
      }
      const names = await asked(() => inspect.contents())
      return {
        findings: [
          findingOf(DATABASE_REACHABLE, ok('It answers.')),
          ...findings(SETUP, setup),
          ...findings(TRAFFIC, traffic),
        ],
        names: names.kind === 'answer' ? names.value : NO_NAMES,
      }
    })
  } catch (reason) {
    if (!isWaybillError(reason, 'WAYBILL_DATABASE_UNAVAILABLE')) throw reason
    return { findings: [findingOf(DATABASE_REACHABLE, error(reason.message))], names: NO_NAMES }
  }
}

async function examineBroker(config: Config, names: ContentFacts): Promise<Finding[]> {
  if (config.values.WAYBILL_AMQP_URL === null) {
    return [findingOf(BROKER_REACHABLE, unchecked('Not checked: WAYBILL_AMQP_URL is not set.'))]
  }
  const broker = await asked(() =>
    lookAtBroker(config, { exchanges: names.exchanges ?? [], queues: names.consumers ?? [] }),
  )
  if (broker.kind !== 'answer') return [findingOf(BROKER_REACHABLE, error(broker.reason))]
  const facts = {
    broker: broker.value,
    topology: config.values.WAYBILL_TOPOLOGY,
    names,
    management: await managementOf(config),
  }
  return [findingOf(BROKER_REACHABLE, ok('It lets us in.')), ...findings(BROKER, facts)]
}

async function managementOf(
  config: Config,
): Promise<Parameters<(typeof BROKER)[number]['look']>[0]['management']> {
  const found = await asked(() => lookAtManagement(config))
  if (found.kind !== 'answer') return found
  return found.value === null ? null : { kind: 'answer', value: found.value }
}

/** Failures of the connection are for the caller; all others are answers of a kind. */
async function asked<Value>(work: () => Promise<Value>): Promise<Asked<Value>> {
  try {
    return { kind: 'answer', value: await work() }
  } catch (reason) {
    if (isForbidden(reason)) return { kind: 'forbidden', reason: `Not checked: ${sentenceOf(reason)}.` }
    return { kind: 'failed', reason: reason instanceof WaybillError ? reason.message : sentenceOf(reason) }
  }
}

/** `insufficient_privilege` */
function isForbidden(reason: unknown): boolean {
  return typeof reason === 'object' && reason !== null && 'code' in reason && reason.code === '42501'
}

/** Null when nobody could tell, and nobody was asked. */
function join(lists: readonly (readonly string[] | null)[]): string[] | null {
  const known = lists.filter((list) => list !== null && list.length > 0).flat() as string[]
  if (known.length > 0) return [...new Set(known)].sort()
  return lists.some((list, index) => list === null && index < lists.length - 1) ? null : []
}
