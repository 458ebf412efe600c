/** Door for RabbitMQ: publishing with confirms and consuming, through amqplib. */
export type { RabbitmqOptions, UrlSource } from './options.ts'
export { planTopology } from './topology.ts'
export type { QueueArguments, TopologyStep } from './topology.ts'
export { rabbitmq } from './transport.ts'
