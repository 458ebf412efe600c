-- Writing from triggers and from other languages.
-- min-compatible: 1

-- The checksum of zlib and PNG, four bits at a time.
create function ${schema}.crc32(data bytea) returns bigint
language plpgsql immutable strict parallel safe set search_path = pg_catalog, pg_temp
as $waybill$
declare
  steps constant bigint[] := '{0,498536548,997073096,651767980,1994146192,1802195444,1303535960,1342533948,
    3988292384,4027552580,3604390888,3412177804,2607071920,2262029012,2685067896,3183342108}';
  crc bigint := 4294967295;
begin
  for i in 0 .. length(data) - 1 loop
    crc := crc # get_byte(data, i);
    crc := steps[(crc & 15) + 1] # (crc >> 4);
    crc := steps[(crc & 15) + 1] # (crc >> 4);
  end loop;
  return crc # 4294967295;
end
$waybill$;

-- The lane that keeps the messages of one key in order; without a key, any lane that spreads them.
create function ${schema}.lane_of(key text, message_id uuid) returns smallint
language plpgsql immutable parallel safe set search_path = pg_catalog, pg_temp
as $waybill$
begin
  return ${schema}.crc32(convert_to(coalesce(key, message_id::text), 'UTF8')) % 16;
end
$waybill$;

-- A UUIDv7: the milliseconds since 1970, then random bits.
create function ${schema}.new_message_id() returns uuid
language plpgsql volatile parallel safe set search_path = pg_catalog, pg_temp
as $waybill$
declare
  milliseconds constant bigint := floor(extract(epoch from clock_timestamp()) * 1000);
  random constant bytea := uuid_send(gen_random_uuid());
begin
  -- gen_random_uuid has set the variant and version 4; two more bits make it version 7.
  return encode(
    set_bit(set_bit(overlay(random placing substring(int8send(milliseconds) from 3) from 1 for 6), 52, 1), 53, 1),
    'hex'
  )::uuid;
end
$waybill$;

-- Whether a text can be a name in AMQP.
create function ${schema}.is_name(name text, max_bytes integer) returns boolean
language sql immutable strict parallel safe set search_path = pg_catalog, pg_temp
as $waybill$
  select octet_length(name) between 1 and max_bytes and name !~ ('[' || chr(1) || '-' || chr(31) || chr(127) || '-' || chr(159) || ']')
$waybill$;

-- Writes one message in the transaction of the caller, and returns its message id.
-- Lock or change the row that the key stands for first: the message then takes its place in the right order.
-- The exchange is the source with ".events" and the routing key the type, unless others are given. Beside headers of
-- their own, callers may pass on traceparent, tracestate and baggage.
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
  message_id uuid default null
) returns uuid
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $waybill$
declare
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
  insert into ${schema}.outbox (
    lane, version, message_id, key, type, source, exchange, routing_key, headers, payload
  ) values (
    ${schema}.lane_of(key, id), version, id, key, type, source, target, route,
    (given || jsonb_strip_nulls(
      jsonb_build_object('correlation-id', correlation_id, 'waybill-causation', causation_id)
    ))::text,
    body
  );
  return id;
end
$waybill$;
