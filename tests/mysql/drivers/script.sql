-- What the command line clients run; errors are part of it.
set session sql_mode = '';
drop table if exists cli_types, cli_lines;
create table cli_types (
  id int primary key auto_increment, t tinyint, bu bigint unsigned, d decimal(30,10), dd double,
  v varchar(200), bl longblob, dt date, dtm datetime(6), tm time(3), y year,
  e enum('a','b'), st set('x','y','z'), bt bit(12), j json
) engine = innodb;
insert into cli_types (t, bu, d, dd, v, bl, dt, dtm, tm, y, e, st, bt, j) values
  (-128, 18446744073709551615, -12345678901234567890.0123456789, 1e300, 'é "quoted" \'\\ ☃',
   x'00ff10', '2024-02-29', '2024-02-29 23:59:59.999999', '-838:59:59', 2024, 'b', 'x,z',
   b'101010101010', '{"a": [1, null]}'),
  (null, null, null, null, null, null, '0000-00-00', '0000-00-00 00:00:00', null, null, null, null,
   null, null);
select id, t, bu, d, dd, v, hex(bl), dt, dtm, tm, y, e, st, bt + 0, j from cli_types order by id;
select * from no_such_table;
insert into cli_types (id) values (1);
insert into cli_types (bl) values (repeat('x', 20 * 1024 * 1024));
select length(bl), sha2(bl, 256) from cli_types where length(bl) > 1000;
start transaction;
delete from cli_types;
select count(*) from cli_types;
rollback;
select count(*) from cli_types;
prepare p from 'select ? + 1, concat(?, ''!'')';
set @a = 41, @b = 'text';
execute p using @a, @b;
deallocate prepare p;
drop procedure if exists cli_proc;
delimiter //
create procedure cli_proc(in n int, out total int)
begin
  select n as first;
  select n + 1 as second, 'x' as more;
  set total = n * 2;
end //
delimiter ;
call cli_proc(20, @total);
select @total;
create table cli_lines (id int, words varchar(50));
load data local infile 'lines.txt' into table cli_lines fields terminated by ',';
select * from cli_lines order by id;
use information_schema;
select database();
use shop;
select 'last';
drop procedure cli_proc;
drop table cli_types, cli_lines;
