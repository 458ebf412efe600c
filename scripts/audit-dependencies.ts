import { spawnSync } from 'node:child_process'
import { judgeAudit } from './judge-audit.ts'

/**
 * Asks the registry for advisories about what users install with the package. Fails for those of level high and critical. A registry that
 * does not answer audits, as a mirror may not, leaves the dependencies unaudited: that is said, and fails only where
 * `AUDIT_REQUIRED` is set, as it should be wherever releases are made.
 */
const { stdout } = spawnSync('npm', ['audit', '--omit=dev', '--json'], {
  encoding: 'utf8',
  shell: process.platform === 'win32',
})
const result = judgeAudit(stdout)
switch (result.kind) {
  case 'sound':
    console.log(`✓ audit: ${result.dependencies} dependencies, ${result.lesser} with an advisory below high.`)
    break
  case 'advisories':
    console.log(`✗ audit: ${result.names.join('\n  ')}`)
    process.exitCode = 1
    break
  case 'not audited': {
    const isRequired = (process.env['AUDIT_REQUIRED'] ?? '') !== ''
    console.log(
      `${isRequired ? '✗' : '!'} audit: NOT AUDITED, the registry does not answer audits: ${result.why}`,
    )
    process.exitCode = isRequired ? 1 : 0
    break
  }
}
