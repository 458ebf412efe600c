/** What passes everything of a broker's stream but its confirms, until they are let go on. */
export interface HeldConfirms {
  push(chunk: Buffer): void
  /** Lets go on what was held back, unless it is to be held longer. */
  flush(): void
}

/** Frame of AMQP 0-9-1: type, channel, size; then so many bytes and an end mark. */
const HEADER_BYTES = 7
const END_BYTES = 1
const METHOD = 1
/** Class `basic`, whose methods `ack` and `nack` are a broker's confirms. */
const BASIC = 60
const CONFIRMS: readonly number[] = [80, 120]

export function holdConfirms(pass: (chunk: Buffer) => void, isHeld: () => boolean): HeldConfirms {
  let rest = Buffer.alloc(0)
  const held: Buffer[] = []
  const flush = (): void => {
    if (isHeld()) return
    for (const frame of held.splice(0)) pass(frame)
  }
  return {
    flush,
    push: (chunk) => {
      flush()
      rest = Buffer.concat([rest, chunk])
      for (let frame = firstFrame(rest); frame; frame = firstFrame(rest)) {
        rest = rest.subarray(frame.length)
        if (isHeld() && isConfirm(frame)) held.push(frame)
        else pass(frame)
      }
    },
  }
}

function firstFrame(stream: Buffer): Buffer | null {
  if (stream.length < HEADER_BYTES) return null
  const length = HEADER_BYTES + stream.readUInt32BE(3) + END_BYTES
  return stream.length < length ? null : stream.subarray(0, length)
}

function isConfirm(frame: Buffer): boolean {
  return (
    frame[0] === METHOD &&
    frame.readUInt16BE(HEADER_BYTES) === BASIC &&
    CONFIRMS.includes(frame.readUInt16BE(HEADER_BYTES + 2))
  )
}
