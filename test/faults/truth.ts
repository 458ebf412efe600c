import type pg from 'pg'
import type { WrittenMessage } from '../fuzz/history.ts'

/** How many keys there are beside those that a scenario writes to by itself. */
export const KEYS = 40

/**
 * What the services do beside their messages, in the same transactions: so these tables say what was committed and
 * handled, whoever was killed before it could tell.
 */
const TABLES = `
create table aggregate (key text primary key, version integer not null default 0);
insert into aggregate select 'key-' || n from generate_series(0, ${KEYS - 1}) n;
create table placed (message_id uuid primary key, key text not null, version integer not null);
create table effect (
  consumer text not null,
  message_id uuid not null,
  place bigint generated always as identity,
  happened_at timestamptz not null default clock_timestamp()
);
create index effect_message on effect (message_id);
create table tried (message_id uuid not null, at timestamptz not null default clock_timestamp())`

export async function createTruth(pool: pg.Pool): Promise<void> {
  await pool.query(TABLES)
}

export interface Effect {
  readonly consumer: string
  readonly messageId: string
}

/** Where a message is that was not handled, and why. */
export interface Letter {
  readonly messageId: string
  readonly state: string
  readonly reason: string | null
}

export async function committed(pool: pg.Pool): Promise<WrittenMessage[]> {
  const { rows } = await pool.query<{ message_id: string; key: string; version: number }>(
    'select message_id, key, version from placed',
  )
  return rows.map(({ message_id: messageId, key, version }) => ({
    ...{ messageId, key, version },
    fate: 'committed' as const,
  }))
}

/** All effects in the order in which they happened. */
export async function effects(pool: pg.Pool): Promise<Effect[]> {
  const { rows } = await pool.query<{ consumer: string; message_id: string }>(
    'select consumer, message_id from effect order by place',
  )
  return rows.map(({ consumer, message_id: messageId }) => ({ consumer, messageId }))
}

/** What waits behind nothing is not kept but forgotten. */
const WAITS_IN_VAIN = `f.state = 'waiting' and not exists (
    select from waybill.failure as head
    where head.consumer = f.consumer and head.key = f.key and head.state in ('retry', 'dead')
      and coalesce(head.place, head.failure_id) < coalesce(f.place, f.failure_id)
  )`

/** What relays and consumers keep of messages that failed, what operators have discarded included. */
export async function letters(pool: pg.Pool): Promise<Letter[]> {
  const { rows } = await pool.query<{ message_id: string; state: string; reason: string | null }>(
    `select message_id, state::text, reason::text from waybill.parked
     union all
     select message_id, state::text, reason::text from waybill.failure as f
     where state <> 'resolved' and not (${WAITS_IN_VAIN})`,
  )
  return rows.map(({ message_id: messageId, state, reason }) => ({ messageId, state, reason }))
}

/** How many messages are still to be published, those behind a dead one of their key excepted. */
export async function unpublished(pool: pg.Pool): Promise<number> {
  return count(
    pool,
    `select count(*) from (
       select key from waybill.outbox union all select key from waybill.scheduled
       union all select null from waybill.parked where state = 'retry'
     ) left_over
     where key is null or key not in (select key from waybill.parked where state = 'dead' and key is not null)`,
  )
}

/** How many messages the consumer has neither handled nor given up, those behind such a one of their key excepted. */
export async function unhandled(pool: pg.Pool, consumer: string): Promise<number> {
  return count(
    pool,
    `select count(*) from placed
     where not exists (select from effect where effect.message_id = placed.message_id and consumer = $1)
       and not exists (select from waybill.failure f where f.message_id = placed.message_id and f.consumer = $1
                       and f.state in ('dead', 'waiting', 'discarded') and not (${WAITS_IN_VAIN}))
       and not exists (select from waybill.parked p where p.state = 'dead'
                       and (p.message_id = placed.message_id or p.key = placed.key))`,
    [consumer],
  )
}

async function count(pool: pg.Pool, sql: string, values: readonly unknown[] = []): Promise<number> {
  const { rows } = await pool.query<{ count: string }>(sql, [...values])
  return Number(rows[0]?.count ?? 0)
}

/** All that tells what was meant to happen and what did, for whoever looks into a failure. */
export async function tablesOf(pool: pg.Pool): Promise<Readonly<Record<string, unknown>>> {
  const rows = async (sql: string): Promise<unknown> => (await pool.query(sql)).rows
  return {
    placed: await rows('select * from placed'),
    effect: await rows('select * from effect order by place'),
    failure: await rows(
      'select message_id, key, state, reason, attempts, crashes, place, next_attempt_at from waybill.failure',
    ),
    parked: await rows('select message_id, key, state, reason, error, attempts from waybill.parked'),
    outbox: await rows('select id, lane, key, message_id, exchange from waybill.outbox'),
    lane: await rows('select lane.*, host from waybill.lane left join waybill.relay on relay_id = owner'),
  }
}
