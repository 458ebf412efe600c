#!/usr/bin/env node
import { runCli } from './cli/cli.ts'
import { COMMANDS } from './cli/commands.ts'

// A reader that has gone away, as in `waybill status | head -1`, is no failure of ours.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)

/** The executable `waybill`. */
process.exitCode = await runCli(process.argv.slice(2), COMMANDS, {
  stdout: (text) => process.stdout.write(text),
  stderr: (text) => process.stderr.write(text),
})
