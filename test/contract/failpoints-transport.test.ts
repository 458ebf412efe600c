import { transportContract } from '../../testing/contracts/transport.ts'
import { failpoints } from '../../testing/index.ts'
import { memoryTransportContract } from './memory-transport-subject.ts'
import { rabbitmqContract } from './rabbitmq-subject.ts'

// With failpoints of which none is armed.
transportContract(memoryTransportContract('memory with failpoints', failpoints().transport))
transportContract(rabbitmqContract('RabbitMQ with failpoints', failpoints().transport))
