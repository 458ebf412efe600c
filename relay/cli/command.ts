import type { ParseArgsConfig } from 'node:util'
import type { Config, ConfigUse, Environment } from '../config.ts'
import type { ExitCode } from './exit-codes.ts'

/** What a command has of the process it runs in. */
export interface CommandIo {
  /** Undefined: that of the process. */
  readonly env?: Environment
  readonly stdout: (text: string) => void
  readonly stderr: (text: string) => void
}

/** Options of the command line; each has one value or is a switch. */
export type Flags = Readonly<Record<string, string | boolean | undefined>>

export interface CommandCall {
  readonly flags: Flags
  /** What was typed besides options. */
  readonly words: readonly string[]
  readonly config: Config
  readonly io: CommandIo
}

/** One word after `waybill`. */
export interface Command {
  readonly name: string
  /** A sentence for the list of commands. */
  readonly summary: string
  /** What may be typed besides options, as help shows it; left out: nothing. */
  readonly words?: string
  readonly options: NonNullable<ParseArgsConfig['options']>
  /** What the options mean, by the text to type. */
  readonly optionHelp: readonly (readonly [option: string, meaning: string])[]
  /** What else there is to know. */
  readonly notes: string
  /** Which variables must be set for it. */
  use(flags: Flags): ConfigUse
  run(call: CommandCall): Promise<ExitCode>
}
