import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { holdConfirms } from './hold-confirms.ts'

/** Seen from the client: `up` is what it sends, `down` what it receives. */
export type Direction = 'up' | 'down' | 'both' | 'none'

/** Stands between a client and a server and does what networks do. */
export interface TcpProxy extends AsyncDisposable {
  readonly port: number
  /** How many connections pass through it now. */
  readonly connections: number
  /** How many it has let in since it began. */
  readonly accepted: number
  /** The same URL, but by way of this proxy. */
  url(base: string): string
  /** Breaks off all connections in the middle (RST). New ones are let in. */
  reset(): void
  /** Ends all connections in order (FIN). New ones are let in. */
  sever(): void
  /** From now on bytes of that direction are held back, in old and new connections; `none` lets them go on. */
  blackhole(direction: Direction): void
  /** The connections of now stay open and silent for ever, as behind a router that has forgotten them. New ones are let in. */
  strand(): void
  /** Delays each chunk, in both directions. */
  latency(ms: number): void
  /** Connections that are opened from now on are broken off (RST) once so many bytes went that way; null: no more. */
  cutAfter(cut: Cut | null): void
  /**
   * AMQP alone: what the broker says of messages that it has taken or refused is held back in connections that are opened
   * from now on; all else goes on. False lets it go on in those too that it was held back in.
   */
  holdConfirms(hold: boolean): void
  /** Says to all clients what the server never said. */
  inject(bytes: Buffer): void
  close(): Promise<void>
}

/** Where a connection breaks. */
export interface Cut {
  readonly direction: 'up' | 'down'
  readonly bytes: number
}

interface Faults {
  held: Direction
  delayMs: number
  cut: Cut | null
  confirmsHeld: boolean
}

interface Pair {
  readonly client: Socket
  readonly server: Socket
  /** Reads again what a black hole held back. */
  flush(): void
  strand(): void
}

export async function startTcpProxy(target: {
  readonly host: string
  readonly port: number
}): Promise<TcpProxy> {
  const pairs = new Set<Pair>()
  const faults: Faults = { held: 'none', delayMs: 0, cut: null, confirmsHeld: false }
  let accepted = 0
  const listener = createServer((client) => {
    accepted += 1
    pairs.add(join({ client, server: connect(target), faults, leave: (pair) => pairs.delete(pair) }))
  })
  await new Promise<void>((resolve) => {
    listener.listen(0, '127.0.0.1', resolve)
  })
  const { port } = listener.address() as AddressInfo

  const close = async (): Promise<void> => {
    if (!listener.listening) return
    const closed = new Promise<void>((resolve) => {
      listener.close(() => {
        resolve()
      })
    })
    for (const { client, server } of pairs) destroyBoth(client, server)
    await closed
  }
  return {
    port,
    get connections() {
      return pairs.size
    },
    get accepted() {
      return accepted
    },
    url: (base) => throughPort(base, port),
    reset: () => {
      for (const { client, server } of pairs) {
        breakOff(client)
        breakOff(server)
      }
    },
    sever: () => {
      for (const { client, server } of pairs) {
        client.end()
        server.end()
      }
    },
    blackhole: (direction) => {
      faults.held = direction
      for (const pair of pairs) pair.flush()
    },
    strand: () => {
      for (const pair of pairs) pair.strand()
    },
    latency: (ms) => {
      faults.delayMs = ms
    },
    cutAfter: (cut) => {
      faults.cut = cut
    },
    holdConfirms: (hold) => {
      faults.confirmsHeld = hold
      if (!hold) for (const pair of pairs) pair.flush()
    },
    inject: (bytes) => {
      for (const { client } of pairs) client.write(bytes)
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

function throughPort(base: string, port: number): string {
  const url = new URL(base)
  url.hostname = '127.0.0.1'
  url.port = String(port)
  return url.href
}

interface Join {
  readonly client: Socket
  readonly server: Socket
  readonly faults: Faults
  /** Called when either side is gone. */
  readonly leave: (pair: Pair) => void
}

function join({ client, server, faults, leave }: Join): Pair {
  const { cut } = faults
  const breakBothOff = (): void => {
    breakOff(client)
    breakOff(server)
  }
  const own = { stranded: false, ...(cut && { cut: { ...cut, breakBothOff } }) }
  const up = pipe({ from: client, to: server, direction: 'up', faults, own })
  const down = pipe({ from: server, to: client, direction: 'down', faults, own })
  const pair: Pair = {
    client,
    server,
    flush: () => {
      up()
      down()
    },
    strand: () => {
      own.stranded = true
    },
  }
  for (const [socket, other] of [
    [client, server],
    [server, client],
  ] as const) {
    // A broken connection is this proxy's trade; the other side learns of it in the same way.
    socket.on('error', () => {
      breakOff(other)
    })
    socket.on('close', () => {
      other.destroy()
      leave(pair)
    })
  }
  return pair
}

interface Pipe {
  readonly from: Socket
  readonly to: Socket
  readonly direction: 'up' | 'down'
  readonly faults: Faults
  readonly own: Own
}

/** Of one connection alone. */
interface Own {
  readonly stranded: boolean
  readonly cut?: Cut & { readonly breakBothOff: () => void }
}

/** Copies one direction, an end of stream included, and returns how to let go on what was held back. */
function pipe({ from, to, direction, faults, own }: Pipe): () => void {
  const held: (Buffer | 'end')[] = []
  const send = (chunk: Buffer | 'end'): void => {
    if (to.destroyed) return
    if (chunk === 'end') to.end()
    else if (!to.write(chunk)) pauseUntilDrained(from, to)
  }
  const late = createDelay(send)
  const pass = (chunk: Buffer | 'end'): void => {
    if (own.stranded) return
    if (faults.held === 'both' || faults.held === direction) held.push(chunk)
    else late.push(chunk, faults.delayMs)
  }
  let passed = 0
  const cutOff = (chunk: Buffer): boolean => {
    if (own.cut?.direction !== direction) return false
    passed += chunk.length
    if (passed >= own.cut.bytes) own.cut.breakBothOff()
    return passed >= own.cut.bytes
  }
  const confirms =
    direction === 'down' && faults.confirmsHeld ? holdConfirms(pass, () => faults.confirmsHeld) : null
  from.on('data', (chunk: Buffer) => {
    if (cutOff(chunk)) return
    if (confirms) confirms.push(chunk)
    else pass(chunk)
  })
  from.on('end', () => {
    pass('end')
  })
  return () => {
    confirms?.flush()
    for (const chunk of held.splice(0)) pass(chunk)
  }
}

/** Hands on in order, each thing after its wait at the earliest: what waits less does not overtake. */
function createDelay<Thing>(handOn: (thing: Thing) => void): { push(thing: Thing, waitMs: number): void } {
  const waiting: { readonly thing: Thing; readonly at: number }[] = []
  const handOnDue = (): void => {
    while (waiting[0] && waiting[0].at <= performance.now()) handOn(waiting.shift()!.thing)
    if (waiting[0]) setTimeout(handOnDue, waiting[0].at - performance.now())
  }
  return {
    push: (thing, waitMs) => {
      if (waitMs === 0 && waiting.length === 0) {
        handOn(thing)
        return
      }
      waiting.push({ thing, at: performance.now() + waitMs })
      if (waiting.length === 1) setTimeout(handOnDue, waitMs)
    },
  }
}

function pauseUntilDrained(from: Socket, to: Socket): void {
  from.pause()
  to.once('drain', () => from.resume())
}

/** One that is ending cannot be reset: Node.js would never close it, and not exit for it. */
function breakOff(socket: Socket): void {
  if (socket.writableEnded) socket.destroy()
  else socket.resetAndDestroy()
}

function destroyBoth(client: Socket, server: Socket): void {
  client.destroy()
  server.destroy()
}
