import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PROJECT_ROOT } from '../support/child.ts'

/** The files of the repository, those not yet committed included; paths from its root, with `/`. */
export function repositoryFiles(): string[] {
  const list = git('ls-files', '--cached', '--others', '--exclude-standard', '-z')
  return list.split('\0').filter((file) => file !== '' && existsSync(join(PROJECT_ROOT, file)))
}

/** The text of a file of the repository. */
export function textOf(file: string): string {
  return readFileSync(join(PROJECT_ROOT, file), 'utf8')
}

/** The messages of all commits that this clone has. */
export function commitMessages(): string[] {
  return git('log', '--format=%B%x00').split('\0')
}

function git(...args: string[]): string {
  return execFileSync('git', args, { cwd: PROJECT_ROOT, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
}
