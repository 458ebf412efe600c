/**
 * Calls what waited for a commit. The transaction is committed whatever a callback does, so an error of one is a fault
 * of the program like any other that nobody catches, and does not look like a failed transaction.
 */
export function runCallbacks(callbacks: readonly (() => void)[]): void {
  for (const callback of callbacks) {
    try {
      callback()
    } catch (error) {
      queueMicrotask(() => {
        throw error
      })
    }
  }
}
