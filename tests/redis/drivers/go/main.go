// The common script by go-redis (RESP3).
package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"sort"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

var ctx = context.Background()

func must[T any](value T, err error) T {
	if err != nil && err != redis.Nil {
		panic(err)
	}
	return value
}

func say(what string, values ...any) {
	fmt.Printf("%s: %#v\n", what, values)
}

func key(name string) string {
	return "go:" + name
}

func connect() *redis.Client {
	pair := must(tls.LoadX509KeyPair(os.Getenv("REDIS_CERT"), os.Getenv("REDIS_KEY")))
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(must(os.ReadFile(os.Getenv("REDIS_CA"))))
	return redis.NewClient(&redis.Options{
		Addr:     os.Getenv("REDIS_HOST") + ":" + os.Getenv("REDIS_PORT"),
		Username: os.Getenv("REDIS_USER"),
		Password: os.Getenv("REDIS_PASSWORD"),
		PoolSize: 1,
		TLSConfig: &tls.Config{
			Certificates: []tls.Certificate{pair},
			RootCAs:      roots,
			ServerName:   os.Getenv("REDIS_HOST"),
		},
		ReadTimeout: 60 * time.Second,
	})
}

func plain(r *redis.Client) {
	say("whoami", must(r.Do(ctx, "ACL", "WHOAMI").Result()))
	for _, name := range must(r.Keys(ctx, key("*")).Result()) {
		r.Del(ctx, name)
	}
	say("set", must(r.Set(ctx, key("bytes"), "\x00\xff\r\n", 0).Result()))
	say("get", must(r.Get(ctx, key("bytes")).Result()))
	_, err := r.Get(ctx, key("nothing")).Result()
	say("nothing", err.Error())
	say("hash", must(r.HSet(ctx, key("h"), "a", 1, "b", "x").Result()))
	fields := must(r.HGetAll(ctx, key("h")).Result())
	say("hgetall", fields["a"], fields["b"], len(fields))
	r.SAdd(ctx, key("s"), "x", "y")
	members := must(r.SMembers(ctx, key("s")).Result())
	sort.Strings(members)
	say("set members", members)
	r.ZAdd(ctx, key("z"), redis.Z{Score: 1.5, Member: "m"})
	say("sorted", must(r.ZRangeWithScores(ctx, key("z"), 0, -1).Result()))
	say("error", r.LPush(ctx, key("h"), 1).Err().Error())
}

func transactions(r, other *redis.Client) {
	done, err := r.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.Incr(ctx, key("n"))
		p.Incr(ctx, key("n"))
		p.LPush(ctx, key("h"), 1)
		return nil
	})
	for _, one := range done {
		say("multi", one.String())
	}
	say("multi error", err.Error())
	err = r.Watch(ctx, func(tx *redis.Tx) error {
		other.Set(ctx, key("n"), 100, 0)
		_, err := tx.TxPipelined(ctx, func(p redis.Pipeliner) error {
			p.Incr(ctx, key("n"))
			return nil
		})
		return err
	}, key("n"))
	say("watch", err.Error())
}

func publishing(r, other *redis.Client) {
	sub := r.Subscribe(ctx, key("news"), key("more"))
	for range 2 {
		say("subscribed", must(sub.Receive(ctx)).(*redis.Subscription).String())
	}
	say("publish", must(other.Publish(ctx, key("news"), "hello").Result()))
	say("message", must(sub.ReceiveMessage(ctx)).String())
	if err := sub.Unsubscribe(ctx); err != nil {
		panic(err)
	}
	say("unsubscribed", must(sub.Receive(ctx)).(*redis.Subscription).Kind)
	sub.Close()
}

func blocking(r, other *redis.Client) {
	go func() {
		time.Sleep(200 * time.Millisecond)
		other.RPush(ctx, key("queue"), "job")
	}()
	say("blpop", must(r.BLPop(ctx, 10*time.Second, key("queue")).Result()))
	_, err := r.BLPop(ctx, time.Second, key("queue")).Result()
	say("blpop timeout", err.Error())
}

func streams(r *redis.Client) {
	name := key("stream")
	for n := range 3 {
		id := fmt.Sprintf("%d-1", n+1)
		say("xadd", must(r.XAdd(ctx, &redis.XAddArgs{Stream: name, ID: id, Values: []any{"f", n}}).Result()))
	}
	say("group", must(r.XGroupCreate(ctx, name, "g", "0").Result()))
	asked := &redis.XReadGroupArgs{Group: "g", Consumer: "c", Streams: []string{name, ">"}, Count: 2}
	for _, stream := range must(r.XReadGroup(ctx, asked).Result()) {
		for _, message := range stream.Messages {
			say("xreadgroup", stream.Stream, message.ID, message.Values["f"])
		}
	}
	say("xack", must(r.XAck(ctx, name, "g", "1-1").Result()))
	say("pending", *must(r.XPending(ctx, name, "g").Result()))
}

func scripts(r *redis.Client) {
	text := "return {KEYS[1], ARGV[1], redis.call('incr', KEYS[1])}"
	say("eval", must(r.Eval(ctx, text, []string{key("counter")}, "x").Result()))
	sha := must(r.ScriptLoad(ctx, text).Result())
	say("evalsha", must(r.EvalSha(ctx, sha, []string{key("counter")}, "y").Result()))
	code := "#!lua name=golib\nredis.register_function('gof', function(k, a) return a[1] end)"
	say("function", must(r.FunctionLoadReplace(ctx, code).Result()))
	say("fcall", must(r.FCall(ctx, "gof", []string{key("x")}, "arg").Result()))
}

func large(r *redis.Client) {
	p := r.Pipeline()
	for i := range 10_000 {
		p.Set(ctx, key(fmt.Sprint("p", i)), i, 0)
	}
	say("pipeline", len(must(p.Exec(ctx))))
	for i := range 10_000 {
		p.Get(ctx, key(fmt.Sprint("p", i)))
	}
	sum := 0
	for _, one := range must(p.Exec(ctx)) {
		n, _ := one.(*redis.StringCmd).Int()
		sum += n
	}
	say("pipeline sum", sum)
	value := strings.Repeat("0123456789abcdef", 4*1024*1024)
	say("set large", must(r.Set(ctx, key("large"), value, 0).Result()))
	got := must(r.Get(ctx, key("large")).Result())
	say("large", len(got), fmt.Sprintf("%x", sha256.Sum256([]byte(got))))
	r.Del(ctx, key("large"))
}

func main() {
	r, other := connect(), connect()
	plain(r)
	transactions(r, other)
	publishing(r, other)
	blocking(r, other)
	streams(r)
	scripts(r)
	large(r)
	r.Close()
	other.Close()
}
