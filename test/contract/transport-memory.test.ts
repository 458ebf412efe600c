import { memoryTransport } from '../../adapters/memory/index.ts'
import { transportContract } from '../../testing/contracts/transport.ts'

transportContract({
  name: 'memory',
  create() {
    const transport = memoryTransport()
    const { broker } = transport
    return Promise.resolve({
      transport,
      dropConnections() {
        broker.faults.dropConnections()
        return Promise.resolve()
      },
      closeGate(exchange) {
        broker.faults.closeGate(exchange)
        return Promise.resolve()
      },
      openGate(exchange) {
        broker.faults.openGate(exchange)
        return Promise.resolve()
      },
      deadLetters: (queue) => Promise.resolve(broker.deadLetters(queue).length),
      [Symbol.asyncDispose]: () => transport.close(),
    })
  },
})
