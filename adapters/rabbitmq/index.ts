/** Door for RabbitMQ: publishing with confirms and consuming, through amqplib. */
export { inspectBroker } from './inspect.ts'
export type { BrokerFacts, ExchangeFacts, InspectedNames, QueueFacts } from './inspect.ts'
export { inspectManagement } from './management.ts'
export type { ManagedQueue, ManagementFacts, ManagementOptions, Permissions } from './management.ts'
export type { RabbitmqOptions, UrlSource } from './options.ts'
export { planTopology } from './topology.ts'
export type { QueueArguments, TopologyStep } from './topology.ts'
export { rabbitmq } from './transport.ts'
