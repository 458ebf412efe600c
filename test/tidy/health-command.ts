import { expect } from 'vitest'
import { COMMANDS } from '../../relay/cli/commands.ts'
import { HEALTH_PATHS } from '../../relay/health/health-server.ts'
import { PROGRAM } from '../../scripts/doors.ts'

/** Either `node dist/waybill.js <command> [options]`, or something that names a path of the health server. */
export function checkHealthCommand(words: readonly string[]): void {
  const [node, program, name, ...options] = words
  if (program === `dist/${Object.keys(PROGRAM)[0]!}.js`) {
    const command = COMMANDS.find((candidate) => candidate.name === name)
    expect(node).toBe('node')
    expect(command?.name).toBe('health')
    for (const option of options) expect(Object.keys(command!.options)).toContain(option.replace(/^--/, ''))
  } else {
    const paths = words.join(' ').match(/\/[a-z]+z\b/g) ?? []
    expect(paths.length).toBeGreaterThan(0)
    for (const path of paths) expect(Object.values(HEALTH_PATHS)).toContain(path)
  }
}
