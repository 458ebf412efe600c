import { execFileSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { startVitest } from 'vitest/node'
import { tellFailures } from './tell-failures.ts'
import { countTests, type Count } from './test-count.ts'

/**
 * Runs the suites: all of them, those of `--project`, those whose path contains an argument, those whose name
 * matches `-t`; with `--long` those named `.long.test.ts` too. The last line is `N passed, N failed`. A skipped test
 * counts as failed, and a project without any test too: what is not run proves nothing.
 */

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    project: { type: 'string', multiple: true, default: [] },
    testNamePattern: { type: 'string', short: 't' },
    long: { type: 'boolean', default: false },
  },
})
/** All but the one that waits for alerts: `npm run test:observability`. */
const BY_DEFAULT = ['!observability']
if (values.long) process.env['LONG_TESTS'] = 'yes'
const narrowed = positionals.length > 0 || values.testNamePattern !== undefined

const { passed, failed, remarks } = await buildAndTest()
for (const remark of remarks) console.log(remark)
console.log(`${passed} passed, ${failed} failed`)
if (failed > 0 || passed === 0) process.exitCode = 1

async function buildAndTest(): Promise<Count> {
  try {
    if (needsBuild()) build()
    return await test()
  } catch (error) {
    // What fails outside of the tests is a failure too, and the last line must be there.
    return { passed: 0, failed: 1, remarks: [error instanceof Error ? error.message : String(error)] }
  }
}

/** The end-to-end suites run the package as users get it. */
function needsBuild(): boolean {
  if (values.project.length > 0) return values.project.includes('e2e')
  return positionals.length === 0 || positionals.some((path) => path.includes('e2e'))
}

function build(): void {
  execFileSync('npm', ['run', '--silent', 'build', '--', '--log-level', 'warn'], {
    stdio: 'inherit',
    shell: process.platform === 'win32',
  })
}

async function test(): Promise<Count> {
  const counter = countTests({
    skippedFails: values.testNamePattern === undefined,
    emptyProjectFails: !narrowed,
  })
  const vitest = await startVitest('test', positionals, {
    watch: false,
    allowOnly: false,
    reporters: ['default', tellFailures, counter.reporter],
    project: values.project.length > 0 ? values.project : BY_DEFAULT,
    ...(values.testNamePattern !== undefined && { testNamePattern: values.testNamePattern }),
  })
  const projects = vitest.projects.map(({ name }) => name)
  await vitest.close()
  const count = counter.result(projects)
  if (count.failed > 0 || !process.exitCode) return count
  return { ...count, failed: 1, remarks: [...count.remarks, 'The runner itself failed; see above.'] }
}
