import { execFileSync } from 'node:child_process'

/** Signals a process by its id; false when it no longer exists. */
export function sendSignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false
    throw error
  }
}

/** The ids of the direct children of a process. */
export function childrenOf(pid: number): number[] {
  const table = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' })
  return table
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .filter(([, parent]) => parent === pid)
    .map(([child]) => child ?? 0)
}

/** Stops time for a process and its children; the parent first, so that it makes no more of them. */
export function freeze(pid: number): void {
  sendSignal(pid, 'SIGSTOP')
  for (const child of childrenOf(pid)) sendSignal(child, 'SIGSTOP')
}

/** Lets a frozen process and its children go on. */
export function thaw(pid: number): void {
  for (const child of childrenOf(pid)) sendSignal(child, 'SIGCONT')
  sendSignal(pid, 'SIGCONT')
}
