/** Which message a payload belongs to, such as to choose a key by. */
export interface ProtectedMessage {
  readonly consumer: string
  readonly messageId: string
  readonly type: string
}

/**
 * Encrypts payloads before they are kept, and decrypts them before they are handled after all. What it throws counts as
 * any failure: a `PermanentError` of `seal` leaves the message to the broker's dead-letter queue.
 */
export interface Protection {
  seal(payload: Buffer, about: ProtectedMessage): Promise<Buffer> | Buffer
  open(sealed: Buffer, about: ProtectedMessage): Promise<Buffer> | Buffer
}
