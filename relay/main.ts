#!/usr/bin/env node
import { runCli } from './cli/cli.ts'
import { COMMANDS } from './cli/commands.ts'

// A reader that has gone away, as in `waybill status | head -1`, is no failure of ours.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)

// In the list of processes, which everybody on the machine can read, for what was on the command line: it may be a secret.
const named = COMMANDS.find(({ name }) => name === process.argv[2])
process.title = named === undefined ? 'waybill' : `waybill ${named.name}`

/** The executable `waybill`. */
process.exitCode = await runCli(process.argv.slice(2), COMMANDS, {
  stdout: (text) => process.stdout.write(text),
  stderr: (text) => process.stderr.write(text),
})
