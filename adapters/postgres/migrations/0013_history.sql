-- What was written, kept for some hours, and what consumers take, so that both can be compared.
-- min-compatible: 8

-- The minute since 1970 in which a UUIDv7 was made; null of any other id. The same on every server: digests of producers
-- and consumers are compared by it.
create function ${schema}.id_minute(id uuid) returns bigint
language sql immutable parallel safe
as $waybill$
  select case when pg_catalog.substr(pg_catalog.encode(pg_catalog.uuid_send(id), 'hex'), 13, 1) operator(pg_catalog.=) '7' then
    ('x' operator(pg_catalog.||) pg_catalog.left(pg_catalog.encode(pg_catalog.uuid_send(id), 'hex'), 12))::pg_catalog.bit(48)::pg_catalog.int8
      operator(pg_catalog./) 60000::pg_catalog.int8
  end
$waybill$;

-- The minute under which a message stands in the history: that of its id. Of now, if the id tells none, or one that is
-- more than an hour off: whatever a clock or a caller says, each leaf holds what was written within one hour or beside it.
create function ${schema}.history_minute(id uuid) returns integer
language plpgsql volatile
as $waybill$
declare
  now constant pg_catalog.int8 := pg_catalog.floor(
    pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()) operator(pg_catalog./) 60::pg_catalog.float8
  );
  told constant pg_catalog.int8 := ${schema}.id_minute(id);
begin
  return case
    when pg_catalog.abs(told operator(pg_catalog.-) now) operator(pg_catalog.<=) 60::pg_catalog.int8 then told
    else now
  end;
end
$waybill$;

-- Of writers that want it: what they have written, in the same transaction. Never changed, and never read but to compare.
create table ${schema}.history (
  minute integer not null,
  written_at timestamptz not null default clock_timestamp(),
  lane smallint not null,
  version integer not null default 1,
  message_id uuid not null,
  key text,
  type text not null,
  source text not null,
  exchange text not null,
  routing_key text not null,
  headers text not null default '{}',
  content_type text not null default 'application/json',
  payload bytea not null
) partition by list ((minute / 60 % 48));

-- A ring of 48 hours. A leaf is truncated when all that it holds is old enough, before its hour comes round again; if
-- nobody does, it holds both hours, and nothing is lost. Rows come in the order of their minutes, so that a small index
-- finds those of one.
do $waybill$
declare
  has_lz4 constant boolean := exists (
    select from pg_settings where name = 'default_toast_compression' and 'lz4' = any (enumvals)
  );
begin
  for leaf in 0 .. 47 loop
    execute 'create table ${schema:literal}.history_' || leaf || ' partition of ${schema:literal}.history for values in ('
      || leaf || ')';
    execute 'create index on ${schema:literal}.history_' || leaf
      || ' using brin (minute) with (pages_per_range = 16, autosummarize = on)';
    if has_lz4 then
      execute 'alter table ${schema:literal}.history_' || leaf || ' alter column payload set compression lz4';
    end if;
  end loop;
end
$waybill$;

-- One row: from this minute on, nothing was truncated.
create table ${schema}.history_kept (
  singleton boolean primary key default true check (singleton),
  from_minute integer not null default 0
) with (fillfactor = 50);

insert into ${schema}.history_kept default values;

-- Whether a message comes into the history when it comes into the outbox.
alter table ${schema}.scheduled add column history boolean not null default false;

-- As append, and notes the record in the history.
create procedure ${schema}.append_with_history(
  lane smallint,
  version integer,
  message_id uuid,
  key text,
  type text,
  source text,
  exchange text,
  routing_key text,
  headers text,
  content_type text,
  payload bytea,
  key_lock bigint
)
language plpgsql
as $waybill$
begin
  if key_lock is not null then
    perform pg_catalog.pg_advisory_xact_lock(key_lock);
  end if;
  insert into ${schema}.history (
    minute, lane, version, message_id, key, type, source, exchange, routing_key, headers, content_type, payload
  ) values (
    ${schema}.history_minute(message_id), lane, version, message_id, key, type, source, exchange, routing_key, headers,
    content_type, payload
  );
  insert into ${schema}.outbox (
    lane, version, message_id, key, type, source, exchange, routing_key, headers, content_type, payload
  ) values (
    lane, version, message_id, key, type, source, exchange, routing_key, headers, content_type, payload
  );
end
$waybill$;

-- With two functions of the same name a call that leaves types open would no longer say which of them is meant.
drop function ${schema}.write(text, jsonb, text, text, integer, text, text, jsonb, text, text, uuid, boolean, text);
drop function ${schema}.schedule(
  timestamptz, text, jsonb, text, text, integer, text, text, jsonb, text, text, uuid, boolean, text
);

-- Writes one message in the transaction of the caller, and returns its message id.
-- Lock or change the row that the key stands for first: the message then takes its place in the right order.
-- The exchange is the source with ".events" and the routing key the type, unless others are given. Beside headers of
-- their own, callers may pass on traceparent, tracestate and baggage. partitioned and unroutable say for the message what
-- messageType says for its type; history, whether it is noted in the history.
create function ${schema}.write(
  type text,
  payload jsonb,
  key text,
  source text,
  version integer default 1,
  exchange text default null,
  routing_key text default null,
  headers jsonb default '{}',
  correlation_id text default null,
  causation_id text default null,
  message_id uuid default null,
  partitioned boolean default false,
  unroutable text default null,
  history boolean default false
) returns uuid
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $waybill$
declare
  made constant ${schema}.scheduled := ${schema}.with_routing(${schema}.new_record(
    type, payload, key, source, version, exchange, routing_key, headers, correlation_id, causation_id, message_id
  ), partitioned, unroutable);
begin
  if history then
    insert into ${schema}.history (
      minute, lane, version, message_id, key, type, source, exchange, routing_key, headers, payload
    ) values (
      ${schema}.history_minute(made.message_id), made.lane, made.version, made.message_id, made.key, made.type,
      made.source, made.exchange, made.routing_key, made.headers, made.payload
    );
  end if;
  insert into ${schema}.outbox (
    lane, version, message_id, key, type, source, exchange, routing_key, headers, payload
  ) values (
    made.lane, made.version, made.message_id, made.key, made.type, made.source, made.exchange, made.routing_key,
    made.headers, made.payload
  );
  return made.message_id;
end
$waybill$;

-- Writes one message that is to be published at deliver_at or soon after, by the clock of this server, and returns its
-- message id. Everything else is as with write.
create function ${schema}.schedule(
  deliver_at timestamptz,
  type text,
  payload jsonb,
  key text,
  source text,
  version integer default 1,
  exchange text default null,
  routing_key text default null,
  headers jsonb default '{}',
  correlation_id text default null,
  causation_id text default null,
  message_id uuid default null,
  partitioned boolean default false,
  unroutable text default null,
  history boolean default false
) returns uuid
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $waybill$
declare
  made constant ${schema}.scheduled := ${schema}.with_routing(${schema}.new_record(
    type, payload, key, source, version, exchange, routing_key, headers, correlation_id, causation_id, message_id
  ), partitioned, unroutable);
begin
  if deliver_at is null or not isfinite(deliver_at) then
    raise exception 'waybill: cannot write message %: its deliver_at must be a time', type using errcode = '22023';
  end if;
  insert into ${schema}.scheduled (
    deliver_at, lane, version, message_id, key, type, source, exchange, routing_key, headers, payload, history
  ) values (
    deliver_at, made.lane, made.version, made.message_id, made.key, made.type, made.source, made.exchange,
    made.routing_key, made.headers, made.payload, coalesce(history, false)
  );
  return made.message_id;
end
$waybill$;

-- What each consumer takes, and since when: it is not told of what was published before. When it no longer says so, it
-- has an end.
create table ${schema}.consumed_type (
  consumer text not null,
  type text not null,
  exchange text not null,
  routing_key text not null,
  queue text not null,
  since timestamptz not null default clock_timestamp(),
  until timestamptz,
  primary key (consumer, type)
);

-- A number for an id that is the same on every server; sums of it tell sets of ids apart.
create function ${schema}.id_digest(id uuid) returns bigint
language sql immutable parallel safe
as $waybill$
  select ('x' operator(pg_catalog.||) pg_catalog.left(pg_catalog.encode(pg_catalog.sha256(pg_catalog.uuid_send(id)), 'hex'), 16))::pg_catalog.bit(64)::pg_catalog.int8
$waybill$;
