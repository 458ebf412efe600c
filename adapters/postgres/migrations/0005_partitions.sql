-- Who consumes which partition of a consumer in mode "key".
-- min-compatible: 1

-- What all instances of a consumer agree on. To divide its keys otherwise, drain and delete its queues, then this row.
create table ${schema}.partition_plan (
  consumer text primary key,
  queue text not null,
  partitions smallint not null check (partitions between 1 and 64),
  prefetch integer not null check (prefetch >= 1)
);

-- One row for each running instance.
create table ${schema}.partition_member (
  instance_id uuid primary key,
  consumer text not null references ${schema}.partition_plan (consumer) on delete cascade,
  host text not null,
  joined_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null
) with (fillfactor = 50);

-- Written on claim and release only.
create table ${schema}.partition (
  consumer text not null references ${schema}.partition_plan (consumer) on delete cascade,
  partition smallint not null,
  owner uuid references ${schema}.partition_member (instance_id) on delete set null,
  epoch bigint not null default 0,
  primary key (consumer, partition)
) with (fillfactor = 50);
