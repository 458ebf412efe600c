import { transportContract } from '../../testing/contracts/transport.ts'
import { rabbitmqContract } from './rabbitmq-subject.ts'

transportContract(rabbitmqContract('RabbitMQ'))
