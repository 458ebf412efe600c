import { startPostgres } from '../../support/postgres-server.ts'
import { startRabbitmq } from '../../support/rabbitmq-server.ts'

// Holds two servers, one of them frozen, until it is killed.
const [postgres, rabbitmq] = await Promise.all([startPostgres(), startRabbitmq()])
postgres.pause()
console.log(`holding ${postgres.port} ${rabbitmq.port}`)
setInterval(() => undefined, 60_000)
