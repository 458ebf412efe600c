import { connect } from 'node:net'
import { expect, it } from 'vitest'
import { startChild } from '../../support/child.ts'
import { eventually } from '../../support/eventually.ts'

function refuses(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const settle = (refused: boolean) => () => {
      socket.destroy()
      resolve(refused)
    }
    socket.once('connect', settle(false)).once('error', settle(true))
  })
}

it.each(['SIGTERM', 'SIGKILL'] as const)(
  'leaves no server behind when a test process ends by %s',
  async (signal) => {
    await using child = startChild('test/integration/support/leftovers.child.ts')
    const ports = (await child.line(/^holding/)).split(' ').slice(1).map(Number)
    expect(await Promise.all(ports.map(refuses))).toEqual([false, false])

    await child.kill(signal)

    await eventually(async () => (await Promise.all(ports.map(refuses))).every((refused) => refused))
  },
)
