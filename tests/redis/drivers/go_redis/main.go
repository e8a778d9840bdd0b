// go-redis: RESP3 by default, pipelines, transactions, pub/sub, blocking pop, streams, scripts.
package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sort"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

var ctx = context.Background()
var clustered = os.Getenv("REDIS_CLUSTER") == "1"

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func say(step string, value any, err error) {
	text := "null"
	if value != nil {
		encoded, problem := json.Marshal(value)
		if problem != nil {
			encoded = []byte(fmt.Sprint(value))
		}
		text = string(encoded)
	}
	if err != nil {
		text += " error: " + err.Error()
	}
	fmt.Println(step + ": " + text)
}

func open(protocol int) redis.UniversalClient {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(must(os.ReadFile(os.Getenv("REDIS_CA"))))
	pair := must(tls.LoadX509KeyPair(os.Getenv("REDIS_CERT"), os.Getenv("REDIS_KEY")))
	settings := &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{pair}, ServerName: "localhost"}
	address := os.Getenv("REDIS_HOST") + ":" + os.Getenv("REDIS_PORT")
	user, password := os.Getenv("REDIS_USER"), os.Getenv("REDIS_PASSWORD")
	if clustered {
		return redis.NewClusterClient(&redis.ClusterOptions{
			Addrs: []string{address}, Protocol: protocol, Username: user, Password: password,
			TLSConfig: settings, DisableIdentity: true,
		})
	}
	return redis.NewClient(&redis.Options{
		Addr: address, Protocol: protocol, Username: user, Password: password, TLSConfig: settings,
		MaxRetries: -1, ReadTimeout: time.Minute, WriteTimeout: time.Minute,
	})
}

func main() {
	t := "goredis"
	if clustered {
		t = "{goredis}"
	}
	client := open(3)
	defer client.Close()
	for _, key := range []string{"a", "n", "l", "h", "s", "z", "w", "x", "q", "lua"} {
		client.Del(ctx, t+":"+key)
	}
	basics(client, t)
	if !clustered {
		say("whoami", must(client.Do(ctx, "ACL", "WHOAMI").Result()), nil)
		manyKeys(client, t)
		watch(client, t)
		functions(client, t)
	}
	transactions(client, t)
	pubsub(client, t)
	blocking(client, t)
	streams(client, t)
	scripts(client, t)
	pipeline(client, t)
	big(client, t)
}

func basics(client redis.UniversalClient, t string) {
	set, err := client.Set(ctx, t+":a", "Grüße, 世界", 0).Result()
	say("set", set, err)
	got, err := client.Get(ctx, t+":a").Result()
	say("get", got, err)
	_, err = client.Get(ctx, t+":none").Result()
	say("missing", errors.Is(err, redis.Nil), nil)
	counted, err := client.IncrBy(ctx, t+":n", 1<<62).Result()
	say("incrby", counted, err)
	counted, err = client.IncrBy(ctx, t+":n", 1<<62).Result()
	say("overflow", counted, err)
	client.RPush(ctx, t+":l", 1, 2, 3)
	list, err := client.LRange(ctx, t+":l", 0, -1).Result()
	say("list", list, err)
	client.HSet(ctx, t+":h", "one", 1, "two", 2)
	hash, err := client.HGetAll(ctx, t+":h").Result()
	say("hash", hash, err)
	client.SAdd(ctx, t+":s", "a", "b")
	members, err := client.SMembers(ctx, t+":s").Result()
	sort.Strings(members)
	say("set type", members, err)
	client.ZAdd(ctx, t+":z", redis.Z{Score: 1.25, Member: "one"}, redis.Z{Score: 7, Member: "two"})
	scores, err := client.ZRangeWithScores(ctx, t+":z", 0, -1).Result()
	say("sorted set", scores, err)
	pushed, err := client.LPush(ctx, t+":a", "x").Result()
	say("wrong type", pushed, err)
	for _, expression := range []string{"{map={a=1}}", "{double=0.5}", "true", "{big_number='12345678901234567890'}"} {
		value, err := client.Eval(ctx, "redis.setresp(3); return "+expression, []string{t + ":k"}).Result()
		say("RESP3 "+expression, fmt.Sprint(value), err)
	}
	if !clustered {
		old := open(2)
		defer old.Close()
		hash, err = old.HGetAll(ctx, t+":h").Result()
		say("RESP2", hash, err)
	}
}

func manyKeys(client redis.UniversalClient, t string) {
	var pairs []any
	var keys []string
	for i := 0; i < 40; i++ {
		key := fmt.Sprintf("%s:m%d", t, i)
		keys = append(keys, key)
		pairs = append(pairs, key, i)
	}
	done, err := client.MSet(ctx, pairs...).Result()
	say("mset", done, err)
	values, err := client.MGet(ctx, append(keys, t+":none")...).Result()
	say("mget", values, err)
	found := map[string]bool{}
	scan := client.Scan(ctx, 0, t+":m*", 7).Iterator()
	for scan.Next(ctx) {
		found[scan.Val()] = true
	}
	say("scan", len(found), scan.Err())
	count, err := client.Exists(ctx, keys...).Result()
	say("exists", count, err)
	count, err = client.Del(ctx, keys...).Result()
	say("del", count, err)
}

func watch(client redis.UniversalClient, t string) {
	lost := client.Watch(ctx, func(tx *redis.Tx) error {
		client.Set(ctx, t+":w", "from outside", 0)
		_, err := tx.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
			pipe.Set(ctx, t+":w", "mine", 0)
			return nil
		})
		return err
	}, t+":w")
	say("watch lost", nil, lost)
	won := client.Watch(ctx, func(tx *redis.Tx) error {
		value := tx.Get(ctx, t+":w").Val()
		_, err := tx.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
			pipe.Set(ctx, t+":w", value+", and mine", 0)
			return nil
		})
		return err
	}, t+":w")
	say("watch won", client.Get(ctx, t+":w").Val(), won)
}

func functions(client redis.UniversalClient, t string) {
	code := "#!lua name=goredislib\nredis.register_function('goredis_hello', function(k, a) return {k[1], a[1]} end)"
	loaded, err := client.FunctionLoadReplace(ctx, code).Result()
	say("function load", loaded, err)
	value, err := client.FCall(ctx, "goredis_hello", []string{t + ":fn"}, "arg").Result()
	say("fcall", value, err)
	deleted, err := client.FunctionDelete(ctx, "goredislib").Result()
	say("function delete", deleted, err)
}

func transactions(client redis.UniversalClient, t string) {
	commands, err := client.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
		pipe.Set(ctx, t+":w", "1", 0)
		pipe.Incr(ctx, t+":w")
		pipe.LPush(ctx, t+":w", "x")
		pipe.Get(ctx, t+":w")
		return nil
	})
	for _, command := range commands {
		say("multi", fmt.Sprint(command.Name(), " ", command.Err()), nil)
	}
	say("multi", nil, err)
}

func pubsub(client redis.UniversalClient, t string) {
	subscription := client.Subscribe(ctx, "goredis:news", "goredis:more")
	defer subscription.Close()
	if err := subscription.PSubscribe(ctx, "goredis:n*"); err != nil {
		panic(err)
	}
	for i := 0; i < 3; i++ {
		must(subscription.ReceiveTimeout(ctx, 5*time.Second))
	}
	client.Publish(ctx, "goredis:news", "hello")
	client.Publish(ctx, "goredis:more", "Grüße")
	var heard []string
	for i := 0; i < 3; i++ {
		message := must(subscription.ReceiveTimeout(ctx, 5*time.Second)).(*redis.Message)
		heard = append(heard, message.Pattern+"|"+message.Channel+"|"+message.Payload)
	}
	sort.Strings(heard)
	say("heard", heard, nil)
	if err := subscription.Unsubscribe(ctx, "goredis:news"); err != nil {
		panic(err)
	}
	say("unsubscribed", must(subscription.ReceiveTimeout(ctx, 5*time.Second)), nil)
}

func blocking(client redis.UniversalClient, t string) {
	_, err := client.BLPop(ctx, time.Second, t+":q").Result()
	say("blocking, timeout", errors.Is(err, redis.Nil), nil)
	found := make(chan []string)
	go func() { found <- client.BLPop(ctx, 10*time.Second, t+":q").Val() }()
	time.Sleep(400 * time.Millisecond)
	client.RPush(ctx, t+":q", "job")
	say("blocking", <-found, nil)
}

func streams(client redis.UniversalClient, t string) {
	for i := 1; i <= 5; i++ {
		values := []string{"n", fmt.Sprint(i), "text", "ü"}
		client.XAdd(ctx, &redis.XAddArgs{Stream: t + ":x", ID: fmt.Sprintf("%d-1", i), Values: values})
	}
	entries, err := client.XRange(ctx, t+":x", "2", "3").Result()
	say("xrange", fmt.Sprint(entries), err)
	made, err := client.XGroupCreate(ctx, t+":x", "workers", "0").Result()
	say("xgroup", made, err)
	read, err := client.XReadGroup(ctx, &redis.XReadGroupArgs{
		Group: "workers", Consumer: "w1", Streams: []string{t + ":x", ">"}, Count: 2,
	}).Result()
	say("xreadgroup", fmt.Sprint(read), err)
	acked, err := client.XAck(ctx, t+":x", "workers", "1-1").Result()
	say("xack", acked, err)
	pending, err := client.XPending(ctx, t+":x", "workers").Result()
	say("xpending", pending, err)
}

func scripts(client redis.UniversalClient, t string) {
	script := redis.NewScript("return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}")
	for i := 0; i < 2; i++ {
		value, err := script.Run(ctx, client, []string{t + ":lua"}, "arg").Result()
		say("script", value, err)
	}
	_, err := client.EvalSha(ctx, strings.Repeat("0", 40), []string{t + ":lua"}).Result()
	say("noscript", nil, err)
}

func pipeline(client redis.UniversalClient, t string) {
	commands, err := client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for i := 0; i < 2500; i++ {
			key := fmt.Sprintf("%s:p%d", t, i)
			pipe.Set(ctx, key, fmt.Sprintf("value %d", i), 0)
			pipe.Get(ctx, key)
			pipe.Incr(ctx, key+":n")
			pipe.GetRange(ctx, key, 0, 4)
		}
		return nil
	})
	hash := sha256.New()
	for _, command := range commands {
		hash.Write([]byte(command.String()))
	}
	say("pipeline", fmt.Sprint(len(commands), " ", hex.EncodeToString(hash.Sum(nil))), err)
	cleaned, err := client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for i := 0; i < 2500; i++ {
			key := fmt.Sprintf("%s:p%d", t, i)
			pipe.Unlink(ctx, key)
			pipe.Unlink(ctx, key+":n")
		}
		return nil
	})
	say("cleanup", len(cleaned), err)
}

func big(client redis.UniversalClient, t string) {
	value := strings.Repeat("0123456789abcdef", 4*1024*1024)
	set, err := client.Set(ctx, t+":big", value, 0).Result()
	say("big set", set, err)
	got := client.Get(ctx, t+":big").Val()
	sum := sha256.Sum256([]byte(got))
	say("big get", hex.EncodeToString(sum[:]), nil)
	deleted, err := client.Del(ctx, t+":big").Result()
	say("big del", deleted, err)
}
