const cleanUps = new Set<() => void>()
let watching = false

/**
 * Runs `cleanUp` when this process ends by itself or by a signal that can be caught. It must be synchronous.
 * Returns how to forget it. SIGKILL cannot be caught: what was started then outlives this process.
 */
export function onExit(cleanUp: () => void): () => void {
  watch()
  cleanUps.add(cleanUp)
  return () => {
    cleanUps.delete(cleanUp)
  }
}

function watch(): void {
  if (watching) return
  watching = true
  process.once('exit', cleanUpAll)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      cleanUpAll()
      // Somebody else (the test runner) may end the process in its own order; otherwise the signal must still work.
      if (process.listenerCount(signal) === 0) process.kill(process.pid, signal)
    })
  }
}

function cleanUpAll(): void {
  // The newest first: a server ends before the directory that it was started in goes.
  for (const cleanUp of [...cleanUps].reverse()) cleanUp()
  cleanUps.clear()
}
