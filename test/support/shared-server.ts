import type { Rabbitmqctl } from './rabbitmqctl.ts'

/** The PostgreSQL that all suites of one run use. */
export interface SharedDatabase extends AsyncDisposable {
  readonly url: string
}

/** The RabbitMQ that all suites of one run use. */
export interface SharedBroker extends AsyncDisposable {
  readonly url: string
  /** Null where the broker was only given by its URL. */
  readonly rabbitmqctl: Rabbitmqctl | null
}
