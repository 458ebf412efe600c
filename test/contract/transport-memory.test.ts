import { transportContract } from '../../testing/contracts/transport.ts'
import { memoryTransportContract } from './memory-transport-subject.ts'

transportContract(memoryTransportContract('memory'))
