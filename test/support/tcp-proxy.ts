import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

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
  /** Says to all clients what the server never said. */
  inject(bytes: Buffer): void
  close(): Promise<void>
}

interface Faults {
  held: Direction
  delayMs: number
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
  const faults: Faults = { held: 'none', delayMs: 0 }
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
        client.resetAndDestroy()
        server.resetAndDestroy()
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
  const own = { stranded: false }
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
    socket.on('error', () => other.resetAndDestroy())
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
  /** Of this connection alone. */
  readonly own: { readonly stranded: boolean }
}

/** Copies one direction, an end of stream included, and returns how to let go on what was held back. */
function pipe({ from, to, direction, faults, own }: Pipe): () => void {
  const held: (Buffer | 'end')[] = []
  const send = (chunk: Buffer | 'end'): void => {
    if (to.destroyed) return
    if (chunk === 'end') to.end()
    else if (!to.write(chunk)) pauseUntilDrained(from, to)
  }
  const pass = (chunk: Buffer | 'end'): void => {
    if (own.stranded) return
    if (faults.held === 'both' || faults.held === direction) held.push(chunk)
    else if (faults.delayMs > 0) setTimeout(send, faults.delayMs, chunk)
    else send(chunk)
  }
  from.on('data', pass)
  from.on('end', () => {
    pass('end')
  })
  return () => {
    for (const chunk of held.splice(0)) pass(chunk)
  }
}

function pauseUntilDrained(from: Socket, to: Socket): void {
  from.pause()
  to.once('drain', () => from.resume())
}

function destroyBoth(client: Socket, server: Socket): void {
  client.destroy()
  server.destroy()
}
