-- Routing by SQL as by the library, and an end to relays that leave work undone.
-- min-compatible: 8

-- Relays of code before version 8 own lanes and know nothing of some of what may lie in them: those before 6 neither move
-- scheduled messages, if the first lane is theirs, nor try parked ones again; those before 7 do
-- not know what a type wants of a message that no queue takes, and publish the header that says so; those before 5 do not
-- publish the slot of partitioned messages. They hand their lanes over and end.

-- A made message with what the relay is to know beside its routing key: the slot by which consumers share the messages of
-- its type, and what becomes of it when no queue is bound.
create function ${schema}.with_routing(made ${schema}.scheduled, partitioned boolean, unroutable text)
returns ${schema}.scheduled
language plpgsql immutable set search_path = pg_catalog, pg_temp
as $waybill$
begin
  if unroutable not in ('hold', 'ignore', 'dead') then
    raise exception 'waybill: cannot write message %: its unroutable must be hold, ignore or dead, or null', made.type
      using errcode = '22023';
  end if;
  if partitioned or unroutable is not null then
    made.headers := (made.headers::jsonb || jsonb_strip_nulls(jsonb_build_object(
      'waybill-slot', case when partitioned then (
        ${schema}.crc32(convert_to(coalesce(made.key, made.message_id::text), 'UTF8')) % 64
      )::text end,
      'waybill-unroutable', unroutable
    )))::text;
  end if;
  return made;
end
$waybill$;

-- With two functions of the same name a call that leaves types open would no longer say which of them is meant.
drop function ${schema}.write(text, jsonb, text, text, integer, text, text, jsonb, text, text, uuid);
drop function ${schema}.schedule(timestamptz, text, jsonb, text, text, integer, text, text, jsonb, text, text, uuid);

-- Writes one message in the transaction of the caller, and returns its message id.
-- Lock or change the row that the key stands for first: the message then takes its place in the right order.
-- The exchange is the source with ".events" and the routing key the type, unless others are given. Beside headers of
-- their own, callers may pass on traceparent, tracestate and baggage. partitioned and unroutable say for the message what
-- messageType says for its type.
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
  unroutable text default null
) returns uuid
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $waybill$
declare
  made constant ${schema}.scheduled := ${schema}.with_routing(${schema}.new_record(
    type, payload, key, source, version, exchange, routing_key, headers, correlation_id, causation_id, message_id
  ), partitioned, unroutable);
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
  message_id uuid default null,
  partitioned boolean default false,
  unroutable text default null
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
    deliver_at, lane, version, message_id, key, type, source, exchange, routing_key, headers, payload
  ) values (
    deliver_at, made.lane, made.version, made.message_id, made.key, made.type, made.source, made.exchange,
    made.routing_key, made.headers, made.payload
  );
  return made.message_id;
end
$waybill$;
