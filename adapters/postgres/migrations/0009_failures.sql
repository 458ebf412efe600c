-- What consumers could not handle, how often it was tried, and who is there to try it again.
-- min-compatible: 1

-- One row for each message that a consumer could not handle. It is written in one transaction with the message's row in
-- the inbox, so that from then on deliveries of the message are duplicates and this row alone decides what becomes of it.
--
-- retry: tried again when next_attempt_at has come. waiting: behind another one of its key. dead: given up until an
-- operator decides. resolved: handled after all. discarded: given up for good.
create table ${schema}.failure (
  failure_id bigint generated always as identity primary key,
  consumer text not null,
  -- As in the inbox; original_id is what the sender wrote.
  message_id uuid not null,
  original_id text not null,
  state text not null check (state in ('retry', 'waiting', 'dead', 'resolved', 'discarded')),
  -- Those of its key that came later must wait for it.
  blocking boolean not null default false,
  -- Its place among those of its key, when that is not its own id: an edited message takes the place of the original.
  place bigint,
  revision integer not null default 1,
  version integer not null,
  attempts integer not null default 0,
  crashes integer not null default 0,
  replays integer not null default 0,
  -- Handling it might be a second time: it is older than what the inbox remembers.
  uncertain boolean not null default false,
  -- The payload went through the consumer's encryption.
  sealed boolean not null default false,
  -- Which instance is trying it right now, or was when it died.
  holder uuid,
  next_attempt_at timestamptz,
  key text,
  type text not null,
  source text,
  exchange text not null,
  routing_key text not null,
  correlation_id text,
  causation_id text,
  created_at timestamptz,
  headers text not null default '{}',
  content_type text not null,
  payload bytea not null,
  reason text not null,
  error_type text,
  error_message text,
  error_stack text,
  -- The topmost line of the stack that is the application's own.
  error_frame text,
  -- Failures that look alike have the same one.
  fingerprint text,
  received_at timestamptz not null default clock_timestamp(),
  failed_at timestamptz not null default clock_timestamp(),
  ended_at timestamptz,
  edited_from bigint,
  unique (consumer, message_id),
  check ((state = 'retry') = (next_attempt_at is not null)),
  check ((state in ('resolved', 'discarded')) = (ended_at is not null))
) with (fillfactor = 85);

do $waybill$
begin
  if exists (
    select from pg_settings where name = 'default_toast_compression' and 'lz4' = any (enumvals)
  ) then
    execute 'alter table ${schema:literal}.failure alter column payload set compression lz4';
  end if;
end
$waybill$;

-- What is due, for each consumer.
create index failure_due on ${schema}.failure (consumer, next_attempt_at) where state = 'retry';
-- Of these, what is tried right now, or may bring its process down.
create index failure_suspect on ${schema}.failure (consumer, next_attempt_at)
where state = 'retry' and (crashes > 0 or reason = 'suspect' or holder is not null);
-- Whether a key is blocked, and who is next.
create index failure_blocking on ${schema}.failure (consumer, key, (coalesce(place, failure_id))) where blocking;
-- Lists and groups of dead letters.
create index failure_dead on ${schema}.failure (failed_at, failure_id) where state = 'dead';
create index failure_fingerprint on ${schema}.failure (fingerprint, failed_at) where state = 'dead';
create index failure_message_id on ${schema}.failure (message_id);
create index failure_correlation_id on ${schema}.failure (correlation_id) where correlation_id is not null;
-- Forgetting what has ended.
create index failure_ended on ${schema}.failure (ended_at) where ended_at is not null;

-- One row for each time that a message was tried and did not succeed, and for the time that it did at last.
create table ${schema}.failure_attempt (
  failure_id bigint not null references ${schema}.failure (failure_id) on delete cascade,
  attempt_id bigint generated always as identity,
  outcome text not null check (outcome in ('failed', 'crashed', 'handled')),
  -- By an operator's replay.
  replay boolean not null default false,
  instance_id uuid,
  host text,
  duration_ms integer,
  ended_at timestamptz not null default clock_timestamp(),
  error_type text,
  error_message text,
  error_stack text,
  primary key (failure_id, attempt_id)
);

-- One row for each running instance of a consumer.
create table ${schema}.consumer_instance (
  instance_id uuid primary key,
  consumer text not null,
  queue text not null,
  mode text not null,
  host text not null,
  started_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null
) with (fillfactor = 50);

create index consumer_instance_consumer on ${schema}.consumer_instance (consumer);

-- What an operator has stopped: a consumer by its name, or relays by their host ('*' for all).
create table ${schema}.pause (
  kind text not null check (kind in ('consumer', 'relay')),
  name text not null,
  paused_at timestamptz not null default clock_timestamp(),
  paused_by text not null,
  reason text not null,
  primary key (kind, name)
);

-- As remember, but each message whose key is not null passes the gate of its key: the verdict is `blocked` instead of
-- `first` while an earlier message of the key is blocking. The caller then stores the message as waiting in this very
-- transaction, which keeps the lock of the key until it ends. An open gate is believed without a lock, see ADR 0016;
-- one that seems closed is looked at again under the lock, in a statement of its own, as whoever opens it holds the lock.
create function ${schema}.remember_in_order(
  ids uuid[], name text, fingerprints integer[], keys text[], wait text
) returns text[]
language plpgsql volatile
as $waybill$
#variable_conflict use_variable
declare
  before constant pg_catalog.text := pg_catalog.current_setting('lock_timeout');
  verdicts pg_catalog.text[] := ${schema}.remember(ids, name, fingerprints, wait);
begin
  for n in 1 .. pg_catalog.cardinality(ids) loop
    continue when keys[n] is null or verdicts[n] operator(pg_catalog.<>) 'first' or not ${schema}.is_blocked(name, keys[n]);
    perform pg_catalog.set_config('lock_timeout', wait, true);
    perform ${schema}.lock_key(name, keys[n]);
    perform pg_catalog.set_config('lock_timeout', before, true);
    if ${schema}.is_blocked(name, keys[n]) then
      verdicts[n] := 'blocked';
    end if;
  end loop;
  return verdicts;
end
$waybill$;

create function ${schema}.is_blocked(name text, of_key text) returns boolean
language plpgsql volatile
as $waybill$
#variable_conflict use_variable
begin
  return exists (
    select from ${schema}.failure as f
    where f.consumer operator(pg_catalog.=) name and f.key operator(pg_catalog.=) of_key and f.blocking
  );
end
$waybill$;

create function ${schema}.lock_key(name text, of_key text) returns void
language plpgsql volatile
as $waybill$
#variable_conflict use_variable
begin
  perform pg_catalog.pg_advisory_xact_lock(
    pg_catalog.hashtextextended(of_key, pg_catalog.hashtextextended('waybill ${schema:literal} failures ' operator(pg_catalog.||) name, 0))
  );
end
$waybill$;

-- The one of its key that was blocking is no more: makes the next one due, if that one waits, and returns its id. To be
-- called in the transaction that ends the former, after it: rows are locked first, then the key, here and everywhere.
create function ${schema}.release_key(name text, of_key text) returns bigint
language plpgsql volatile
as $waybill$
#variable_conflict use_variable
declare
  released pg_catalog.int8;
begin
  perform ${schema}.lock_key(name, of_key);
  update ${schema}.failure as f
  set state = 'retry', next_attempt_at = pg_catalog.clock_timestamp(),
    revision = f.revision operator(pg_catalog.+) 1
  where f.failure_id operator(pg_catalog.=) (
    select first.failure_id from ${schema}.failure as first
    where first.consumer operator(pg_catalog.=) name and first.key operator(pg_catalog.=) of_key and first.blocking
    order by coalesce(first.place, first.failure_id)
    limit 1
  ) and f.state operator(pg_catalog.=) 'waiting'
  returning f.failure_id into released;
  return released;
end
$waybill$;
