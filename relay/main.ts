#!/usr/bin/env node
import { runCli } from './cli/cli.ts'
import { COMMANDS } from './cli/commands.ts'

/** The executable `waybill`. */
process.exitCode = await runCli(process.argv.slice(2), COMMANDS, {
  stdout: (text) => process.stdout.write(text),
  stderr: (text) => process.stderr.write(text),
})
