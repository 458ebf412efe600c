/** By it an error of another copy of this package is known too, such as one in a library of handlers. */
const BRAND: unique symbol = Symbol.for('waybill.PermanentError')

/**
 * Thrown by a handler to say that trying again cannot help: the message becomes a dead letter at once. Only the error
 * that the handler throws counts, not the cause of another one.
 *
 * @example
 * ```ts
 * throw new PermanentError('No such customer.', { cause: new Error('404 from the customer service') })
 * ```
 */
export class PermanentError extends Error {
  override readonly name: string = 'PermanentError'

  static {
    Object.defineProperty(this.prototype, BRAND, { value: true })
  }
}

/** Whether it is a {@link PermanentError}. Never throws, whatever was thrown. */
export function isPermanentError(error: unknown): error is PermanentError {
  try {
    return typeof error === 'object' && error !== null && BRAND in error
  } catch {
    // A proxy may refuse to be asked; it then is an error like others.
    return false
  }
}
