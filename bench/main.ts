import { parseArgs } from 'node:util'
import { benchBacklog } from './backlog.ts'
import { benchConsumer } from './consumer.ts'
import { benchConsumers } from './consumers.ts'
import { benchHotKey } from './hot-key.ts'
import { benchIdle } from './idle.ts'
import { benchLatency } from './latency.ts'
import type { Row } from './measure.ts'
import { benchPeers } from './peers.ts'
import { benchRelay } from './relay.ts'
import { benchRelays } from './relays.ts'
import { withSetting, type Setting } from './setting.ts'
import { benchSampler } from './sampler.ts'
import { benchSteady } from './steady.ts'
import { benchTelemetry } from './telemetry.ts'
import { benchWriter } from './writer.ts'

const BENCHES = {
  relay: benchRelay,
  writer: benchWriter,
  latency: benchLatency,
  consumer: benchConsumer,
  consumers: benchConsumers,
  'hot-key': benchHotKey,
  relays: benchRelays,
  idle: benchIdle,
  backlog: benchBacklog,
  sampler: benchSampler,
  steady: benchSteady,
  peers: benchPeers,
  telemetry: benchTelemetry,
} as const
type BenchName = keyof typeof BENCHES

const USAGE = `npm run bench -- [${Object.keys(BENCHES).join('|')} …] [--json] [--scale F]

  --json      print the rows as one JSON array on the last line
  --scale F   share of the usual amount of work, default 1`

const isBench = (name: string): name is BenchName => Object.hasOwn(BENCHES, name)

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { json: { type: 'boolean', default: false }, scale: { type: 'string', default: '1' } },
  })
  const scale = Number(values.scale)
  const names = positionals.length === 0 ? Object.keys(BENCHES) : positionals
  if (!(scale > 0) || !names.every(isBench)) throw new Error(USAGE)

  const rows: Row[] = []
  for (const name of names) rows.push(...(await withSetting(scale, (setting) => bench(name, setting))))
  console.log(table(rows))
  if (values.json) console.log(JSON.stringify(rows))
}

async function bench(name: BenchName, setting: Setting): Promise<Row[]> {
  const { rows } = await setting.pool.query<{ server_version: string }>('show server_version')
  const broker = (setting.connection.connection as { serverProperties: { version: string } }).serverProperties
    .version
  console.log(
    `${name}: Node ${process.version}, PostgreSQL ${rows[0]?.server_version ?? '?'}, RabbitMQ ${broker}`,
  )
  return BENCHES[name](setting)
}

function table(rows: readonly Row[]): string {
  const cells = rows.map(({ bench: name, variant, value, unit, limit, ratio }) => [
    name,
    variant,
    `${value.toFixed(value < 100 ? 2 : 0)} ${unit}`,
    limit.toFixed(limit < 100 ? 2 : 0),
    ratio.toFixed(2),
  ])
  const lines = [['bench', 'variant', 'value', 'limit', 'ratio'], ...cells]
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)))
  return lines
    .map((line) => line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '))
    .join('\n')
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})
