import { join } from 'node:path'
import { fetchPackage } from './fetch-package.ts'
import { choose, NODE_VERSIONS } from './grounds.ts'
import { conclude, runSuites, type Result } from './run-suites.ts'

/**
 * Runs the suites on every Node that is supported, out of npm: `npm run test:runtimes`, or some of them and other
 * suites: `npm run test:runtimes -- 22 24 --project unit`.
 */

const SUITES = ['unit', 'contract', 'integration'].flatMap((project) => ['--project', project])

const { chosen, suites } = choose(NODE_VERSIONS, process.argv.slice(2))
const windows = process.platform === 'win32'
const platform = `${windows ? 'win' : process.platform}-${process.arch}`
const results: Result[] = []
for (const { version } of chosen) {
  const home = fetchPackage(`node-${platform}`, version)
  const node = join(home, 'bin', windows ? 'node.exe' : 'node')
  const ground = { label: `Node ${version}`, node, env: {} }
  results.push(await runSuites(ground, suites.length > 0 ? suites : SUITES))
}
conclude(results)
