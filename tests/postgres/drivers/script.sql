-- psql: simple statements, several in one message, SQL PREPARE, \gdesc (extended protocol), COPY, errors.
\set ON_ERROR_STOP off
\set VERBOSITY verbose
\pset pager off
select 1 as one, 'zwei' as two;
select 1 \; select 2 \; select 3;
drop table if exists psql_t;
create table psql_t (id int primary key, name text, raw bytea);
insert into psql_t values (1, 'Grüße, 世界', '\x0001ff'), (2, null, null);
table psql_t order by id;
prepare by_id (int) as select name from psql_t where id = $1;
execute by_id (1);
execute by_id (2);
deallocate by_id;
select id, name from psql_t \gdesc
select 1/0;
selec 1;
select * from no_such_table;
insert into psql_t values (1);
begin;
insert into psql_t values (3, 'rolled back');
select count(*) from psql_t;
selec;
select 1;
rollback;
begin;
savepoint s;
insert into psql_t values (1);
rollback to s;
insert into psql_t values (4, 'kept');
commit;
select count(*) from psql_t;
\copy psql_t (id, name) from program 'seq 100 5099 | sed "s/.*/&\tname &/"'
select count(*), sum(id) from psql_t;
\copy (select * from psql_t where id >= 100 order by id) to program 'sha256sum'
copy psql_t (id) from stdin;
9001
not a number
\.
copy (select id from psql_t where id < 10 order by id) to stdout;
\set FETCH_COUNT 7
select g from generate_series(1, 30) g;
\unset FETCH_COUNT
select length(repeat('large ', 200000) || g) from generate_series(1, 5) g;
select repeat('large ', 200000) || g from generate_series(1, 5) g \g '|sha256sum'
do $$ begin raise notice 'a notice %', 1; raise warning 'a warning'; end $$;
set application_name = 'renamed';
show application_name;
listen here;
notify here, 'payload';
select 'after notify';
;
drop table psql_t;
