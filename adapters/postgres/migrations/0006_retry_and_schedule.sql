-- Parked records that are tried again, and messages that are written for later.
-- min-compatible: 1

-- Those that are due: relays look here every second.
create index parked_due on ${schema}.parked (lane, next_attempt_at) where state = 'retry';

-- Messages to be published later. When they are due, one relay moves them into the outbox, where they then take
-- their place.
create table ${schema}.scheduled (
  schedule_id bigint generated always as identity,
  deliver_at timestamptz not null check (isfinite(deliver_at)),
  lane smallint not null check (lane between 0 and 15),
  version integer not null default 1 check (version >= 1),
  created_at timestamptz not null default clock_timestamp(),
  message_id uuid not null,
  key text,
  type text not null,
  source text not null,
  exchange text not null,
  routing_key text not null,
  headers text not null default '{}',
  content_type text not null default 'application/json',
  payload bytea not null,
  primary key (deliver_at, schedule_id)
) with (autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0.01);

-- Cancelling.
create index scheduled_message_id on ${schema}.scheduled (message_id);

do $waybill$
begin
  if exists (
    select from pg_settings where name = 'default_toast_compression' and 'lz4' = any (enumvals)
  ) then
    execute 'alter table ${schema:literal}.scheduled alter column payload set compression lz4';
  end if;
end
$waybill$;

-- A message as it is stored, checked; of the row, schedule_id and deliver_at are left empty.
create function ${schema}.new_record(
  type text,
  payload jsonb,
  key text,
  source text,
  version integer,
  exchange text,
  routing_key text,
  headers jsonb,
  correlation_id text,
  causation_id text,
  message_id uuid
) returns ${schema}.scheduled
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $waybill$
declare
  made ${schema}.scheduled;
  id constant uuid := coalesce(message_id, ${schema}.new_message_id());
  target constant text := coalesce(exchange, source || '.events');
  route constant text := coalesce(routing_key, type);
  body constant bytea := convert_to(payload::text, 'UTF8');
  given constant jsonb := coalesce(headers, '{}');
  fault constant text := case
    when ${schema}.is_name(type, 255) is not true then 'type must have 1 to 255 bytes without control characters'
    when ${schema}.is_name(source, 200) is not true or source ~ '[[:space:]]'
      then 'source must have 1 to 200 bytes without spaces and control characters'
    when ${schema}.is_name(target, 255) is not true then 'exchange must have 1 to 255 bytes without control characters'
    when ${schema}.is_name(route, 255) is not true or string_to_array(route, '.') && '{*,#}'
      then 'routing key must have 1 to 255 bytes without control characters and wildcards'
    when version is null or version < 1 then 'version must be 1 or more'
    when key = '' or octet_length(key) > 1024 then 'key must be null or have 1 to 1024 bytes'
    when body is null then 'payload must not be an SQL null; write ''null''::jsonb if null is what you mean'
    when octet_length(body) > 1048576 then 'payload must have at most 1048576 bytes'
    when jsonb_typeof(given) <> 'object' then 'headers must be a JSON object'
    when octet_length(given::text) > 32768 then 'headers must have at most 32768 bytes'
    when exists (select from jsonb_each(given) as header where jsonb_typeof(header.value) <> 'string')
      then 'headers must all be texts'
    when exists (
      select from jsonb_object_keys(given) as name
      where ${schema}.is_name(name, 255) is not true
        or name ~* '^(waybill-|x-|cloudevents|ce-)' or lower(name) in ('correlation-id', 'cc', 'bcc')
    ) then 'headers must have names of 1 to 255 bytes that do not begin with waybill-, x-, cloudEvents or ce- and are'
      || ' not correlation-id, CC or BCC'
  end;
begin
  if fault is not null then
    raise exception 'waybill: cannot write message %: its %', coalesce(type, 'null'), fault using errcode = '22023';
  end if;
  made.lane := ${schema}.lane_of(key, id);
  made.version := version;
  made.message_id := id;
  made.key := key;
  made.type := type;
  made.source := source;
  made.exchange := target;
  made.routing_key := route;
  made.headers := (given || jsonb_strip_nulls(
    jsonb_build_object('correlation-id', correlation_id, 'waybill-causation', causation_id)
  ))::text;
  made.payload := body;
  return made;
end
$waybill$;

create or replace function ${schema}.write(
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
  message_id uuid default null
) returns uuid
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $waybill$
declare
  made constant ${schema}.scheduled := ${schema}.new_record(
    type, payload, key, source, version, exchange, routing_key, headers, correlation_id, causation_id, message_id
  );
begin
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
  message_id uuid default null
) returns uuid
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $waybill$
declare
  made constant ${schema}.scheduled := ${schema}.new_record(
    type, payload, key, source, version, exchange, routing_key, headers, correlation_id, causation_id, message_id
  );
begin
  if deliver_at is null or not isfinite(deliver_at) then
    raise exception 'waybill: cannot write message %: its deliver_at must be a time', type using errcode = '22023';
  end if;
  insert into ${schema}.scheduled (
    deliver_at, lane, version, message_id, key, type, source, exchange, routing_key, headers, payload
  ) values (
    deliver_at, made.lane, made.version, made.message_id, made.key, made.type, made.source, made.exchange,
    made.routing_key, made.headers, made.payload
  );
  return made.message_id;
end
$waybill$;

-- Takes a scheduled message back. False when it is not there: it was moved into the outbox already, or never written.
create function ${schema}.cancel(message_id uuid) returns boolean
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $waybill$
begin
  delete from ${schema}.scheduled as s where s.message_id = cancel.message_id;
  return found;
end
$waybill$;
