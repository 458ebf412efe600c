import type { Backlog, BlockedKeys, LaneStatus, OutboxMeta, Scheduled, SeenCluster } from '../../src/ports.ts'
import { databasesOf, describeTarget, SCHEMA_VERSION, withDatabase, type DatabaseTarget } from '../compose.ts'
import type { Config } from '../config.ts'
import type { Command, CommandCall } from './command.ts'
import { LOOK_RECORDS } from '../options.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'

/** What `waybill status --json` prints, as an array when there are several outboxes; fields are only ever added. */
export interface StatusReport {
  /** Which outbox: database, host and schema. */
  readonly outbox: string
  readonly schema: string
  readonly schemaVersion: number
  /** The schema version that this release was written for. */
  readonly codeVersion: number
  readonly backlog: {
    readonly records: number
    readonly estimated: boolean
    readonly oldestAgeMs: number | null
  }
  /** Messages that are to be published later. */
  readonly scheduled: Scheduled
  readonly parked: number
  readonly dead: number
  /** Keys that have a parked record, and how many records wait behind one: at least, unless `isComplete`. */
  readonly blocked: Pick<BlockedKeys, 'keys' | 'records' | 'isComplete'>
  readonly relays: readonly RelayView[]
  readonly lanes: readonly LaneStatus[]
  /** Where relays have worked on this schema, the latest first: a restore or a failover adds one. */
  readonly clusters: readonly SeenCluster[]
  /** Sentences; empty when nothing wants a person. */
  readonly attention: readonly string[]
}

export interface RelayView {
  readonly relayId: string
  readonly host: string | null
  readonly live: boolean
  readonly lanes: readonly number[]
}

/** `waybill status` */
export const statusCommand: Command = {
  name: 'status',
  summary: 'Shows the backlog, the lanes and who relays them.',
  options: { json: { type: 'boolean' } },
  optionHelp: [['--json', 'Prints one JSON object.']],
  notes:
    'Needs WAYBILL_DATABASE_URL. Exit code 0: all is well. 5: something wants attention, and the output says what.',
  use: () => 'database',
  async run({ flags, config, io }: CommandCall): Promise<ExitCode> {
    const reports: StatusReport[] = []
    for (const target of databasesOf(config.values)) reports.push(await statusOf(target, config))
    const shown = reports.length === 1 ? reports[0] : reports
    io.stdout(
      flags['json'] === true ? `${JSON.stringify(shown, null, 2)}\n` : reports.map(describe).join('\n'),
    )
    return reports.every(({ attention }) => attention.length === 0) ? EXIT.ok : EXIT.attention
  },
}

function statusOf(target: DatabaseTarget, config: Config): Promise<StatusReport> {
  return withDatabase(target, { config, applicationName: 'waybill status' }, async ({ database }) => {
    const { relay } = database
    return statusReport(target, {
      meta: await relay.meta(),
      backlog: await relay.backlog(),
      blocked: await relay.countBlocked({ look: LOOK_RECORDS, crowd: LOOK_RECORDS }),
      scheduled: await relay.scheduled(),
      lanes: await relay.lanes(),
      clusters: await relay.clusters(),
    })
  })
}

interface StatusFacts {
  readonly meta: OutboxMeta
  readonly backlog: Backlog
  readonly blocked: BlockedKeys
  readonly scheduled: Scheduled
  readonly lanes: readonly LaneStatus[]
  readonly clusters: readonly SeenCluster[]
}

function statusReport(target: DatabaseTarget, facts: StatusFacts): StatusReport {
  const { meta, backlog, lanes, clusters } = facts
  const { keys, records: waiting, isComplete } = facts.blocked
  const { records, estimated, oldestAgeMs, parked, dead } = backlog
  return {
    outbox: describeTarget(target),
    schema: target.schema,
    schemaVersion: meta.schemaVersion,
    codeVersion: SCHEMA_VERSION,
    backlog: { records, estimated, oldestAgeMs },
    scheduled: facts.scheduled,
    parked,
    dead,
    blocked: { keys, records: waiting, isComplete },
    relays: relaysOf(lanes),
    lanes,
    clusters,
    attention: attention(facts),
  }
}

function relaysOf(lanes: readonly LaneStatus[]): RelayView[] {
  const relays = new Map<string, { host: string | null; live: boolean; lanes: number[] }>()
  for (const { lane, owner, ownerHost, ownerLive } of lanes) {
    if (owner === null) continue
    const relay = relays.get(owner) ?? { host: ownerHost, live: ownerLive, lanes: [] }
    relay.lanes.push(lane)
    relays.set(owner, relay)
  }
  return [...relays].map(([relayId, relay]) => ({ relayId, ...relay }))
}

/** How long a restore or a failover is worth a sentence. */
const NEWS_MS = 24 * 3_600_000

function attention({ meta, backlog, lanes, clusters }: StatusFacts): string[] {
  const orphans = lanes.filter(({ ownerLive }) => !ownerLive).map(({ lane }) => lane)
  const found: string[] = []
  if (orphans.length === lanes.length) found.push('No relay is running.')
  else if (orphans.length > 0)
    found.push(`No live relay owns ${plural(orphans.length, 'lane')} ${orphans.join(', ')}.`)
  found.push(...moved(meta, clusters))
  if (backlog.dead > 0)
    found.push(
      `${backlog.dead} ${plural(backlog.dead, 'message')} could not be published and wait for a person.`,
    )
  return found
}

function moved({ cluster }: OutboxMeta, clusters: readonly SeenCluster[]): string[] {
  const [latest, before] = clusters
  const { systemIdentifier, timeline } = cluster
  if (!clusters.some((one) => one.systemIdentifier === systemIdentifier && one.timeline === timeline))
    return [
      'This is another cluster or timeline than any in which relays have worked: a restored copy, or a standby.',
    ]
  if (latest === undefined || before === undefined || latest.ageMs > NEWS_MS) return []
  const how =
    latest.systemIdentifier === before.systemIdentifier
      ? 'failed over to another timeline'
      : 'was restored into another cluster'
  return [
    `The database ${how} ${duration(latest.ageMs)} ago. What was committed last before may be missing, with its messages; what is there is published, some of it perhaps again.`,
  ]
}

function describe(report: StatusReport): string {
  const { backlog, parked, dead, clusters } = report
  const oldest = backlog.oldestAgeMs === null ? '' : `, the oldest for ${duration(backlog.oldestAgeMs)}`
  const about = backlog.estimated ? 'about ' : ''
  return [
    `Outbox    ${report.outbox}`,
    `Schema    "${report.schema}", version ${report.schemaVersion} (this release: ${report.codeVersion})`,
    `Backlog   ${about}${backlog.records} ${plural(backlog.records, 'message')} not yet published${oldest}`,
    `Scheduled ${scheduledText(report.scheduled)}`,
    `Parked    ${parked}, of which ${dead} dead`,
    `Blocked   ${blockedText(report.blocked)}`,
    ...clusterLines(clusters),
    ...relayLines(report),
    ...report.attention.map((sentence) => `ATTENTION ${sentence}`),
    '',
  ].join('\n')
}

/** One cluster is as it should be, and not worth a line. */
function clusterLines(clusters: readonly SeenCluster[]): string[] {
  if (clusters.length < 2) return []
  return clusters.map(
    ({ systemIdentifier, timeline, ageMs }) =>
      `Cluster   ${systemIdentifier || 'unknown'}, timeline ${timeline}, first seen ${duration(ageMs)} ago`,
  )
}

function scheduledText({ records, isExact, nextInMs }: Scheduled): string {
  const more = isExact ? '' : 'more than '
  const next =
    nextInMs === null ? '' : nextInMs > 0 ? `, the next in ${duration(nextInMs)}` : ', the next is due'
  return `${more}${records} ${plural(records, 'message')} for later${next}`
}

function blockedText({ keys, records, isComplete }: StatusReport['blocked']): string {
  const least = isComplete ? '' : 'at least '
  return `${keys} ${plural(keys, 'key')}, with ${least}${records} ${plural(records, 'message')} waiting behind a parked one`
}

function relayLines({ relays, lanes }: StatusReport): string[] {
  const lines = relays.map(
    ({ relayId, host, live, lanes: owned }) =>
      `Relay     ${host ?? 'unknown host'} (${relayId}), ${live ? 'live' : 'lease expired'}, lanes ${owned.join(', ')}`,
  )
  const free = lanes.filter(({ owner }) => owner === null).map(({ lane }) => lane)
  return free.length === 0 ? lines : [...lines, `Unowned   ${plural(free.length, 'lane')} ${free.join(', ')}`]
}

function plural(count: number, word: string): string {
  return count === 1 ? word : `${word}s`
}

function duration(ms: number): string {
  const seconds = Math.floor(ms / 1000)
  if (seconds < 120) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  return minutes < 120 ? `${minutes} min` : `${Math.floor(minutes / 60)} h`
}
