import { execFileSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { startVitest } from 'vitest/node'
import { countTests } from './test-count.ts'

/**
 * Runs the suites: all of them, those of `--project`, those whose path contains an argument, those whose name
 * matches `-t`. The last line is `N passed, N failed`. A skipped test counts as failed, and a project without any
 * test too: what is not run proves nothing.
 */

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    project: { type: 'string', multiple: true, default: [] },
    testNamePattern: { type: 'string', short: 't' },
  },
})
const narrowed = positionals.length > 0 || values.testNamePattern !== undefined

if (values.project.length === 0 || values.project.includes('e2e')) build()

const count = countTests({ skippedFails: values.testNamePattern === undefined, emptyProjectFails: !narrowed })
const vitest = await startVitest('test', positionals, {
  watch: false,
  allowOnly: false,
  reporters: ['default', count.reporter],
  ...(values.project.length > 0 && { project: values.project }),
  ...(values.testNamePattern !== undefined && { testNamePattern: values.testNamePattern }),
})
const projects = vitest.projects.map(({ name }) => name)
await vitest.close()

const { passed, failed, remarks } = count.result(projects)
for (const remark of remarks) console.log(remark)
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed > 0 || passed === 0 ? 1 : 0

/** The end-to-end suites run the package as users get it. */
function build(): void {
  execFileSync('npm', ['run', '--silent', 'build', '--', '--log-level', 'warn'], {
    stdio: 'inherit',
    shell: process.platform === 'win32',
  })
}
