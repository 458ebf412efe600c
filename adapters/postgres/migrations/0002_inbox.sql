-- What consumers remember of the messages they have handled.
-- min-compatible: 1

create table ${schema}.inbox (
  message_id uuid not null,
  consumer text not null,
  fingerprint integer not null,
  handled_at timestamptz not null default clock_timestamp(),
  primary key (message_id, consumer)
);

-- Forgetting what is older than the retention.
create index inbox_handled_at on ${schema}.inbox (handled_at);
