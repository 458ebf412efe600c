-- What operators do with messages that got stuck, and the record of it.
-- min-compatible: 1

-- When an operator let those of its key go that waited for it: by giving it up.
alter table ${schema}.failure add column released_at timestamptz;
create index failure_list on ${schema}.failure (consumer, state, failed_at, failure_id);

alter table ${schema}.parked
  -- Grows with each change.
  add column revision integer not null default 1,
  add column replays integer not null default 0,
  add column failed_at timestamptz not null default now(),
  -- When it was discarded.
  add column ended_at timestamptz,
  -- The record that it was made from by an edit; it has the same position.
  add column edited_from bigint;
update ${schema}.parked set failed_at = parked_at;
alter table ${schema}.parked alter column failed_at set default clock_timestamp();
create index parked_list on ${schema}.parked (state, failed_at, parked_id);

-- One header of a record; null when there is none, or when the headers cannot be read.
create function ${schema}.stored_header(headers text, name text) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp
as $waybill$
begin
  return headers::json ->> name;
exception
  when data_exception then return null;
end
$waybill$;

-- What stands for a fingerprint where no error of an application is known.
create function ${schema}.plain_fingerprint(reason text, place text, type text) returns text
language sql stable set search_path = pg_catalog, pg_temp
as $waybill$
  select left(encode(sha256(convert_to(concat_ws(E'\n', reason, place, type), 'UTF8')), 'hex'), 16)
$waybill$;

-- All that consumers could not handle (in) and relays could not publish (out), in one list. A record whose outcome was
-- never known may have been published; inboxes remember for a week unless they are told otherwise.
create view ${schema}.failed_message as
select
  'in'::text as direction, failure_id as number, state, revision, consumer, message_id, original_id, type, version, key,
  source, exchange, routing_key, correlation_id, causation_id, reason, error_type, error_message, error_stack,
  error_frame, coalesce(fingerprint, ${schema}.plain_fingerprint(reason, consumer, type)) as fingerprint, attempts,
  crashes, replays, uncertain, sealed, blocking, released_at, edited_from, created_at, received_at, failed_at,
  next_attempt_at, ended_at, headers, content_type, payload, coalesce(place, failure_id) as place
from ${schema}.failure
union all
select
  'out'::text, parked_id, state, revision, null::text, message_id, message_id::text, type, version, key,
  source, exchange, routing_key, ${schema}.stored_header(headers, 'correlation-id'),
  ${schema}.stored_header(headers, 'waybill-causation'), reason, null::text, error, null::text,
  null::text, ${schema}.plain_fingerprint(reason, exchange, type), attempts,
  0, replays, reason in ('fatal', 'refused') and failed_at < now() - interval '7 days', false,
  key is not null and state <> 'discarded', case when key is not null then ended_at end, edited_from, created_at,
  parked_at, failed_at, next_attempt_at, ended_at, headers, content_type, payload, id
from ${schema}.parked;

-- Those that wait for an operator's decision.
create view ${schema}.dead_letter as select * from ${schema}.failed_message where state = 'dead';

-- Who did what; written in the transaction of what was done. Never says what is in a message.
create table ${schema}.audit_event (
  event_id bigint generated always as identity primary key,
  at timestamptz not null default clock_timestamp(),
  actor text not null,
  roles text[] not null default '{}',
  via text not null,
  address text,
  request_id text,
  trace_id text,
  action text not null,
  target text not null,
  outcome text not null check (outcome in ('done', 'refused', 'denied')),
  reason text,
  details jsonb not null default '{}'
);

create index audit_event_target on ${schema}.audit_event (target, event_id);
create index audit_event_actor on ${schema}.audit_event (actor, event_id);

create function ${schema}.refuse_change() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp
as $waybill$
begin
  raise exception 'waybill: audit events are only ever added' using errcode = '42501';
end
$waybill$;

create trigger audit_event_stays before update or delete or truncate on ${schema}.audit_event
for each statement execute function ${schema}.refuse_change();
revoke update, delete, truncate on ${schema}.audit_event from public;

-- Repairs of many, done bit by bit by whoever comes first. The row is locked while a bit of it is done.
create table ${schema}.bulk_operation (
  bulk_id bigint generated always as identity primary key,
  action text not null check (action in ('replay', 'discard')),
  state text not null default 'running' check (state in ('running', 'paused', 'watching', 'finished', 'cancelled')),
  pause_reason text,
  selection jsonb not null,
  -- Of those that were chosen; the empty name stands for the outbox.
  consumers text[] not null default '{}',
  confirm text[] not null,
  rate double precision not null check (rate > 0),
  canary integer not null,
  stop_after integer not null,
  matched integer not null default 0,
  done integer not null default 0,
  skipped integer not null default 0,
  succeeded integer not null default 0,
  failed_again integer not null default 0,
  -- How many had failed again when it was last resumed.
  forgiven integer not null default 0,
  -- As in audit_event.
  actor text not null,
  roles text[] not null,
  via text not null,
  reason text,
  created_at timestamptz not null default clock_timestamp(),
  ended_at timestamptz,
  -- When the next bit is to be done, and when to look next what came of those before.
  due_at timestamptz not null default clock_timestamp(),
  look_at timestamptz not null default clock_timestamp(),
  check ((state in ('finished', 'cancelled')) = (ended_at is not null))
) with (fillfactor = 50);

create index bulk_operation_due on ${schema}.bulk_operation (due_at) where state in ('running', 'watching');

-- What was chosen, when it was chosen.
create table ${schema}.bulk_item (
  bulk_id bigint not null references ${schema}.bulk_operation (bulk_id) on delete cascade,
  place integer not null,
  direction text not null,
  number bigint not null,
  revision integer not null,
  outcome text not null default 'pending'
    check (outcome in ('pending', 'done', 'succeeded', 'failed-again', 'skipped')),
  detail text,
  primary key (bulk_id, place)
) with (fillfactor = 80);

create index bulk_item_open on ${schema}.bulk_item (bulk_id, outcome, place) where outcome in ('pending', 'done');

-- What was asked for with which key, so that a click that is repeated is one change.
create table ${schema}.idempotency_key (
  actor text not null,
  key text not null,
  -- A digest of what was asked for.
  request text not null,
  -- What it was done to.
  answer text,
  created_at timestamptz not null default clock_timestamp(),
  primary key (actor, key)
);

create index idempotency_key_created_at on ${schema}.idempotency_key (created_at);
