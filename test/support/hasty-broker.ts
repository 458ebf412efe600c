import { createServer, type AddressInfo } from 'node:net'

/** A broker that opens each connection and closes it with an error in the same breath. */
export interface HastyBroker extends AsyncDisposable {
  readonly url: string
  /** How many connections it has closed so. */
  readonly closed: number
}

/** Class `connection` of AMQP 0-9-1 and its methods. */
const CONNECTION = 10
const METHOD = { start: 10, tune: 30, openOk: 41, close: 50 }

const bytes = (...values: number[]): Buffer => Buffer.from(values)
const short = (value: number): Buffer => bytes(value >> 8, value & 0xff)
const long = (value: number): Buffer => Buffer.concat([short(value >>> 16), short(value & 0xffff)])
const shortText = (text: string): Buffer => Buffer.concat([bytes(text.length), Buffer.from(text)])
const longText = (text: string): Buffer => Buffer.concat([long(text.length), Buffer.from(text)])

function method(id: number, ...fields: Buffer[]): Buffer {
  const content = Buffer.concat([short(CONNECTION), short(id), ...fields])
  return Buffer.concat([bytes(1), short(0), long(content.length), content, bytes(0xce)])
}

const INTERNAL_ERROR = 541
/** What it says to each thing that it hears. */
const ANSWERS: readonly Buffer[] = [
  method(METHOD.start, bytes(0, 9), long(0), longText('PLAIN'), longText('en_US')),
  method(METHOD.tune, short(0), long(131_072), short(1)),
  Buffer.concat([
    method(METHOD.openOk, shortText('')),
    method(METHOD.close, short(INTERNAL_ERROR), shortText('INTERNAL_ERROR'), short(0), short(0)),
  ]),
]

export async function startHastyBroker(): Promise<HastyBroker> {
  let closed = 0
  const server = createServer((socket) => {
    let heard = 0
    socket.on('error', () => undefined)
    socket.on('data', () => {
      const answer = ANSWERS[heard]
      heard += 1
      if (answer) socket.write(answer)
      if (heard === ANSWERS.length) closed += 1
    })
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `amqp://guest:guest@127.0.0.1:${port}`,
    get closed() {
      return closed
    },
    [Symbol.asyncDispose]: async () => {
      server.close()
      await Promise.resolve()
    },
  }
}
