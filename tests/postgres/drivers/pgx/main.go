// pgx 5: prepared statements and binary by default, simple protocol, batches, COPY both ways, cancel by context.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgtype"
)

var ctx = context.Background()

func say(step string, value any) {
	line, err := json.Marshal([]any{step, value})
	must(err)
	fmt.Println(string(line))
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func failure(err error) any {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return []string{refused.Severity, refused.Code, refused.Message, refused.Detail}
	}
	if err == nil {
		return "none"
	}
	return "another error"
}

func connect() *pgx.Conn {
	config, err := pgx.ParseConfig("sslmode=verify-full")
	must(err)
	// By default a cancelled context closes the connection; this asks the server instead.
	config.BuildContextWatcherHandler = func(conn *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: conn, DeadlineDelay: 20 * time.Second}
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	must(err)
	return conn
}

func rows(conn *pgx.Conn, sql string, args ...any) any {
	found, err := conn.Query(ctx, sql, args...)
	if err != nil {
		return failure(err)
	}
	all, err := pgx.CollectRows(found, func(row pgx.CollectableRow) ([]any, error) { return row.Values() })
	if err != nil {
		return failure(err)
	}
	return all
}

func exec(conn *pgx.Conn, sql string, args ...any) any {
	tag, err := conn.Exec(ctx, sql, args...)
	if err != nil {
		return failure(err)
	}
	return tag.String()
}

func main() {
	conn := connect()
	defer conn.Close(ctx)
	statements(conn)
	types(conn)
	batches(conn)
	transactions(conn)
	copies(conn)
	large(conn)
	cancels(conn)
	say("drop", exec(conn, "drop table pgx_t"))
}

func statements(conn *pgx.Conn) {
	say("several", exec(conn, "select 1; select 2; select 3"))
	say("drop", exec(conn, "drop table if exists pgx_t"))
	say("create", exec(conn, "create table pgx_t (id int primary key, name text, n numeric, at timestamptz,"+
		" u uuid, raw bytea, a int[], j jsonb, b bool, f float8)"))
	for _, mode := range []pgx.QueryExecMode{
		pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec,
		pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol,
	} {
		for i := range 3 {
			say(mode.String(), rows(conn, "select $1::int + 1, $2::text", mode, i, fmt.Sprintf("wert ü %d", i)))
		}
		say("error", rows(conn, "select 1 / $1::int", mode, 0))
		say("syntax error", rows(conn, "selec $1::int", mode, 0))
	}
	_, err := conn.Prepare(ctx, "by_name", "select length($1::text)")
	must(err)
	for range 3 {
		say("prepared", rows(conn, "by_name", "vier"))
	}
	must(conn.Deallocate(ctx, "by_name"))
}

func types(conn *pgx.Conn) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC)
	var n pgtype.Numeric
	must(n.Scan("-12345678901234.000567"))
	say("insert", exec(conn, "insert into pgx_t values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
		1, "Grüße, 世界", n, at, "01234567-89ab-cdef-0123-456789abcdef", []byte{0, 1, 255},
		[]int32{1, 2, 3}, map[string]any{"a": []int{1, 2}}, true, 1.5e300))
	say("types", rows(conn, "select id, name, n::text, at at time zone 'utc', u, raw, a, j, b, f from pgx_t"))
	say("duplicate", exec(conn, "insert into pgx_t (id) values ($1)", 1))
}

func batches(conn *pgx.Conn) {
	batch := &pgx.Batch{}
	for i := range 50 {
		batch.Queue("select $1::int * 2", i)
	}
	sum := 0
	sent := conn.SendBatch(ctx, batch)
	for range 50 {
		var one int
		must(sent.QueryRow().Scan(&one))
		sum += one
	}
	must(sent.Close())
	say("batch", sum)
	broken := &pgx.Batch{}
	broken.Queue("insert into pgx_t (id) values (50)")
	broken.Queue("select 1 / $1::int", 0)
	broken.Queue("insert into pgx_t (id) values (51)")
	say("broken batch", failure(conn.SendBatch(ctx, broken).Close()))
	say("count", rows(conn, "select count(*) from pgx_t"))
}

func transactions(conn *pgx.Conn) {
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.Serializable})
	must(err)
	_, err = tx.Exec(ctx, "insert into pgx_t (id) values (2)")
	must(err)
	inner, err := tx.Begin(ctx)
	must(err)
	_, err = inner.Exec(ctx, "insert into pgx_t (id) values (1)")
	say("fails", failure(err))
	_, err = inner.Exec(ctx, "select 1")
	say("aborted", failure(err))
	must(inner.Rollback(ctx))
	must(tx.Commit(ctx))
	say("count", rows(conn, "select count(*) from pgx_t"))
	say("deferred", failure(pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "insert into pgx_t (id) values (3), (3)")
		return err
	})))
}

func copies(conn *pgx.Conn) {
	copied, err := conn.CopyFrom(ctx, pgx.Identifier{"pgx_t"}, []string{"id", "name", "f"},
		pgx.CopyFromSlice(5000, func(i int) ([]any, error) {
			return []any{i + 1000, fmt.Sprintf("name %d", i), float64(i) / 3}, nil
		}))
	say("copy in", []any{copied, failure(err)})
	_, err = conn.CopyFrom(ctx, pgx.Identifier{"pgx_t"}, []string{"id"},
		pgx.CopyFromFunc(func() ([]any, error) { return nil, errors.New("given up") }))
	say("copy given up", failure(err) != "none")
	_, err = conn.PgConn().CopyFrom(ctx, strings.NewReader("1\nno number\n"), "copy pgx_t (id) from stdin")
	say("bad copy", failure(err))
	for _, format := range []string{"text", "csv", "binary"} {
		hash := sha256.New()
		var size counter
		_, err = conn.PgConn().CopyTo(ctx, io.MultiWriter(hash, &size),
			"copy (select id, name, f from pgx_t order by id) to stdout (format "+format+")")
		must(err)
		say("copy out", []any{format, size, hex.EncodeToString(hash.Sum(nil))})
	}
}

func large(conn *pgx.Conn) {
	found, err := conn.Query(ctx, "select repeat('large ', 200000) || g from generate_series(1, 20) g")
	must(err)
	texts, err := pgx.CollectRows(found, pgx.RowTo[string])
	must(err)
	hash := sha256.Sum256([]byte(strings.Join(texts, "")))
	say("large rows", []any{len(texts), hex.EncodeToString(hash[:])})
	say("large parameter", rows(conn, "select length($1::bytea)", bytes.Repeat([]byte{7}, 3_000_000)))
}

func cancels(conn *pgx.Conn) {
	soon, stop := context.WithTimeout(ctx, 400*time.Millisecond)
	defer stop()
	_, err := conn.Exec(soon, "select pg_sleep(30)")
	say("cancel", failure(err))
	say("still usable", rows(conn, "select 42"))
	go func() {
		time.Sleep(400 * time.Millisecond)
		must(conn.PgConn().CancelRequest(ctx))
	}()
	say("cancel by hand", exec(conn, "select pg_sleep(30)"))
	say("still usable", rows(conn, "select 43"))
}

type counter int

func (c *counter) Write(data []byte) (int, error) {
	*c += counter(len(data))
	return len(data), nil
}
