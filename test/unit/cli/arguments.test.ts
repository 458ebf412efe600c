import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { runCli } from '../../../relay/cli/cli.ts'
import { COMMANDS } from '../../../relay/cli/commands.ts'
import { VARIABLES } from '../../../relay/config/variables.ts'

const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as { readonly version: string }

async function run(...args: string[]) {
  const printed = { stdout: '', stderr: '' }
  const code = await runCli(args, COMMANDS, {
    env: { WAYBILL_DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' },
    stdout: (text) => (printed.stdout += text),
    stderr: (text) => (printed.stderr += text),
  })
  return { code, ...printed }
}

describe('the command line', () => {
  it.each([
    [['--version'], manifest.version],
    [['-V'], manifest.version],
    [['--help'], 'Usage: waybill <command>'],
    [['help', 'migrate'], 'Usage: waybill migrate'],
    [['migrate', '--help'], '--dry-run'],
    [['status', '-h'], 'Exit code'],
  ])('%j answers on stdout with code 0', async (args, text) => {
    const answer = await run(...args)
    expect(answer).toMatchObject({ code: 0, stderr: '' })
    expect(answer.stdout).toContain(text)
  })

  it.each([
    [[], 'Usage: waybill <command>'],
    [['migrat'], 'Did you mean `waybill migrate`?'],
    [['frobnicate'], '"frobnicate" is not a command'],
    [['help', 'frobnicate'], '"frobnicate" is not a command'],
    [['--verbose'], '"--verbose" is not a command'],
    [['migrate', '--dryrun'], "Unknown option '--dryrun'"],
    [['migrate', 'now'], "Unexpected argument 'now'"],
    [['migrate', '--schema'], "'--schema <value>' argument missing"],
    [['migrate', '--sql', '--schema', ''], '--schema is empty'],
    [['migrate', '--from', '1'], '--from goes with --sql only'],
    [['migrate', '--sql', '--from', 'x'], '--from x is not a schema version'],
  ])('%j is refused on stderr with code 2', async (args, text) => {
    const answer = await run(...args)
    expect(answer).toMatchObject({ code: 2, stdout: '' })
    expect(answer.stderr).toContain(text)
  })

  it('does not repeat a password that was given where none belongs', async () => {
    const { stderr } = await run('migrate', 'postgres://u:s3cret-word@h/d')
    expect(stderr).toContain('Unexpected argument')
    expect(stderr).not.toContain('s3cret-word')
  })

  it('takes the chief settings as options too, which win over the variables', async () => {
    const { code, stdout } = await run('migrate', '--sql', '--schema', 'by_option')
    expect(code).toBe(0)
    expect(stdout).toContain('create schema if not exists "by_option"')
    const bad = await run('status', '--database-url', 'mysql://h/d')
    expect(bad.code).toBe(2)
    expect(bad.stderr).toContain('WAYBILL_DATABASE_URL=mysql://h/d')
  })

  it('lists every variable in the help of the relay', async () => {
    const { stdout } = await run('relay', '--help')
    for (const name of Object.keys(VARIABLES)) expect(stdout).toContain(`  ${name} (`)
  })

  it('lists every command in the general help', async () => {
    const { stdout } = await run('--help')
    for (const { name, summary } of COMMANDS)
      expect(stdout).toMatch(new RegExp(`^  ${name} +${summary}$`, 'm'))
  })
})
