// go-sql-driver/mysql: prepared statements, types, errors, several results, LOCAL INFILE.
package main

import (
	"context"
	"crypto/md5"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/go-sql-driver/mysql"
)

type way struct {
	Host, User, Database, Ca, Cert, Key string
	Port                                int
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func open() *sql.DB {
	var to way
	must(json.Unmarshal([]byte(os.Getenv("MYSQL_WAY")), &to))
	config := mysql.NewConfig()
	config.Net = "tcp"
	config.Addr = fmt.Sprintf("%s:%d", to.Host, to.Port)
	config.User, config.DBName = to.User, to.Database
	config.MultiStatements = true
	config.MaxAllowedPacket = 64 << 20
	if to.Ca != "" {
		pem, err := os.ReadFile(to.Ca)
		must(err)
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(pem)
		pair, err := tls.LoadX509KeyPair(to.Cert, to.Key)
		must(err)
		config.TLS = &tls.Config{
			RootCAs: roots, Certificates: []tls.Certificate{pair}, ServerName: to.Host,
		}
	}
	connector, err := mysql.NewConnector(config)
	must(err)
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(1)
	return db
}

func show(name string, rows *sql.Rows) {
	columns, err := rows.ColumnTypes()
	must(err)
	for rows.Next() {
		values := make([]any, len(columns))
		places := make([]any, len(columns))
		for i := range values {
			places[i] = &values[i]
		}
		must(rows.Scan(places...))
		for i, value := range values {
			bytes, ok := value.([]byte)
			if ok && len(bytes) > 1000 {
				values[i] = fmt.Sprintf("%x", md5.Sum(bytes))
			} else if ok {
				values[i] = fmt.Sprintf("%q", bytes)
			}
		}
		fmt.Println(name, values)
	}
	must(rows.Err())
}

func exec(db *sql.Conn, text string, values ...any) {
	if _, err := db.ExecContext(context.Background(), text, values...); err != nil {
		var told *mysql.MySQLError
		if errors.As(err, &told) {
			fmt.Println("error", told.Number, string(told.SQLState[:]), told.Message)
		} else {
			panic(err)
		}
	}
}

func query(db *sql.Conn, name, text string, values ...any) {
	rows, err := db.QueryContext(context.Background(), text, values...)
	must(err)
	defer rows.Close()
	show(name, rows)
	for rows.NextResultSet() {
		show(name, rows)
	}
}

func main() {
	pool := open()
	db, err := pool.Conn(context.Background())
	must(err)
	exec(db, "set session sql_mode = ''")
	exec(db, "drop table if exists go_types, go_lines")
	exec(db, `create table go_types (id int primary key, t tinyint, bu bigint unsigned,
		d decimal(30,10), dd double, v varchar(200), bl longblob, dt date, dtm datetime(6),
		tm time(3), y year, e enum('a','b'), st set('x','y','z'), bt bit(12), j json)`)
	insert := "insert into go_types values (" + strings.Repeat("?, ", 14) + "?)"
	exec(db, insert, 1, -128, uint64(18446744073709551615), "-1234567890.0123456789", 1e300,
		"é ☃ '\"\\", []byte{0, 255, 16}, "2024-02-29", "2024-02-29 23:59:59.999999",
		"-838:59:59", 2024, "b", "x,z", []byte{10, 170}, `{"a": [1, null]}`)
	exec(db, insert, append([]any{2}, make([]any, 14)...)...)
	size, err := strconv.Atoi(os.Getenv("MYSQL_BLOB_MIB"))
	must(err)
	exec(db, "insert into go_types (id, bl, dt) values (?, ?, '0000-00-00')", 3,
		[]byte(strings.Repeat("Z", size<<20)))
	query(db, "text", "select * from go_types order by id")
	query(db, "prepared", "select * from go_types where id > ? order by id", 0)
	statement, err := db.PrepareContext(context.Background(), "select ? + 1")
	must(err)
	for _, n := range []any{1, int64(1) << 60, 1.5} {
		rows, err := statement.Query(n)
		must(err)
		show("again", rows)
		rows.Close()
	}
	statement.Close()
	exec(db, "select * from no_such_table where a = ?", 1)
	exec(db, "selec 1")
	exec(db, "insert into go_types (id) values (1)")
	tx, err := db.BeginTx(context.Background(), nil)
	must(err)
	_, err = tx.Exec("delete from go_types")
	must(err)
	must(tx.Rollback())
	query(db, "kept", "select count(*) from go_types")
	query(db, "several", "select 1; select 'b', null; select 3 from dual where 1 = 0")
	exec(db, "drop procedure if exists go_proc")
	exec(db, "create procedure go_proc(in n int) begin select n; select n + 1, 'x'; end")
	query(db, "call", "call go_proc(?)", 5)
	mysql.RegisterReaderHandler("lines", func() io.Reader {
		return strings.NewReader("1,one\n2,two\n3,three\n")
	})
	exec(db, "create table go_lines (id int, words varchar(50))")
	exec(db, "load data local infile 'Reader::lines' into table go_lines fields terminated by ','")
	query(db, "lines", "select * from go_lines order by id")
	must(db.PingContext(context.Background()))
	exec(db, "drop table go_types, go_lines")
	exec(db, "drop procedure go_proc")
	must(db.Close())
	must(pool.Close())
	fmt.Println("done")
}
