import { createServer, type AddressInfo } from 'node:net'

const handedOut = new Set<number>()

/** A free port on the loopback interface that this process has not handed out before. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = await portOfTheSystem()
    if (handedOut.has(port)) continue
    handedOut.add(port)
    return port
  }
}

async function portOfTheSystem(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  await new Promise<void>((resolve) => {
    server.close(() => {
      resolve()
    })
  })
  return port
}
