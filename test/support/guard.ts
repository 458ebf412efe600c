import { spawn } from 'node:child_process'
import type { Socket } from 'node:net'

/**
 * Has the shell run `command` (with `args` as `$1`, `$2` and so on) once this process is gone, whatever it died of:
 * a small process waits for the end of a pipe that only this one holds. Returns how to call it off.
 */
export function whenWeAreGone(command: string, ...args: readonly string[]): () => void {
  // Detached, because a Ctrl-C reaches the whole process group and would end the guard before its time.
  const guard = spawn('sh', ['-c', `read -r _; ${command}`, 'guard', ...args], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  guard.on('error', () => undefined) // Without a shell there is no guard; all else works.
  guard.unref()
  const pipe = guard.stdin as Socket | null
  pipe?.on('error', () => undefined).unref()
  return () => {
    guard.kill('SIGKILL')
  }
}
