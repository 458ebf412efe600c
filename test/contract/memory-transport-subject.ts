import { memoryTransport } from '../../adapters/memory/index.ts'
import type { Transport } from '../../src/ports.ts'
import type { TransportContract } from '../../testing/contracts/transport-subject.ts'

/** @param wrap what is tested instead of the transport */
export function memoryTransportContract(
  name: string,
  wrap: (transport: Transport) => Transport = (transport) => transport,
): TransportContract {
  return {
    name,
    create() {
      const inner = memoryTransport()
      const { broker } = inner
      const transport = wrap(inner)
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
  }
}
