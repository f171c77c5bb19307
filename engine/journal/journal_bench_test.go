package journal

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"a0run/engine"
)

func benchOpen(b *testing.B) (*DB, engine.Lease) {
	b.Helper()
	db, err := Open(b.Context(), Options{Path: filepath.Join(b.TempDir(), "journal.db")})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	l, err := db.Begin(b.Context(), &engine.RunRecord{ID: "run1", Kind: engine.KindRun}, engine.Owner{ID: "o", Name: "bench", TTL: time.Minute})
	if err != nil {
		b.Fatal(err)
	}
	return db, l
}

// benchCall is a record as a run writes it, with a value of about size bytes.
func benchCall(i, size int) *engine.CallRecord {
	now := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	value := json.RawMessage(`{"user_id":"auth0|` + fmt.Sprint(i) + `","email":"user` + fmt.Sprint(i) + `@example.com","blocked":false}`)
	for i := 0; len(value) < size; i++ {
		value = append(value[:len(value)-1], fmt.Sprintf(`,"field_%d":"%x"}`, i, (i+7)*(i+1237)*7919)...)
	}
	return &engine.CallRecord{
		Key: fmt.Sprintf("%032x", uint64(i+1)*0x9E3779B97F4A7C15), Wake: int64(i), Task: fmt.Sprintf("main/1.auth0|%d", i), N: 1, Where: "migrate.lua:14:9",
		Operation: "users.get", Tenant: "default", Effect: "read", Kind: "users", Object: fmt.Sprintf("auth0|%d", i),
		Args: json.RawMessage(`{"id":"auth0|123456"}`), Value: value, Status: 200, State: engine.StateDone, Began: now, Ended: now.Add(20 * time.Millisecond),
	}
}

func BenchmarkRecord(b *testing.B) {
	for _, size := range []int{100, 1000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			db, l := benchOpen(b)
			var last engine.Ack
			model := benchCall(1, size)
			b.ResetTimer()
			for i := range b.N {
				c := *model
				c.Key = fmt.Sprintf("%032x", uint64(i+1)*0x9E3779B97F4A7C15)
				c.Object = c.Key[:8]
				last = db.Record(l, &c)
			}
			if err := last.Err(); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

func BenchmarkRecordAndWait(b *testing.B) {
	db, l := benchOpen(b)
	b.ResetTimer()
	for i := range b.N {
		if err := db.Record(l, benchCall(i, 100)).Err(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCreates is what 64 tasks do that create objects: a durable intent,
// then the record, each waited for.
func BenchmarkCreates(b *testing.B) {
	db, l := benchOpen(b)
	var next atomic.Int64
	var group sync.WaitGroup
	b.ResetTimer()
	for range 64 {
		group.Go(func() {
			for i := int(next.Add(1)); i <= b.N; i = int(next.Add(1)) {
				c := benchCall(i, 100)
				c.Mutates, c.Durable, c.State = true, true, engine.StateBegun
				if err := db.Intent(b.Context(), l, c); err != nil {
					b.Error(err)
				}
				c.State = engine.StateDone
				if err := db.Record(l, c).Err(); err != nil {
					b.Error(err)
				}
			}
		})
	}
	group.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "creates/s")
}

func fill(b *testing.B, n, size int) *DB {
	b.Helper()
	db, l := benchOpen(b)
	var last engine.Ack
	for i := range n {
		last = db.Record(l, benchCall(i, size))
	}
	if err := last.Err(); err != nil {
		b.Fatal(err)
	}
	return db
}

func BenchmarkLoad100000(b *testing.B) {
	for _, size := range []int{100, 1000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			db := fill(b, 100_000, size)
			b.ResetTimer()
			for range b.N {
				n := 0
				for c, err := range db.Load(b.Context(), "run1", 0) {
					if err != nil || !strings.HasPrefix(string(c.Value), "{") {
						b.Fatal(err)
					}
					n++
				}
				if n != 100_000 {
					b.Fatal(n)
				}
			}
		})
	}
}

func BenchmarkFind(b *testing.B) {
	db := fill(b, 100_000, 100)
	b.ResetTimer()
	for i := range b.N {
		c, err := db.Find(b.Context(), "run1", benchCall(i*7919%100_000, 0).Key)
		if c == nil || err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWrites(b *testing.B) {
	db := fill(b, 100_000, 100)
	b.ResetTimer()
	for range b.N {
		if _, err := db.Writes(b.Context(), "run1", "main/1.", true); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPatches is what 64 tasks do that patch objects at full speed: the intent,
// and 64 calls later the record with a before-image. Its CPU is that of the journal
// alone.
func BenchmarkPatches(b *testing.B) {
	const tasks = 64
	db, l := benchOpen(b)
	model := benchCall(1, 700)
	before := benchCall(1, 600).Value
	begun := make([]*engine.CallRecord, tasks)
	began := cpuTime(b)
	b.ResetTimer()
	for i := range b.N + tasks {
		if c := begun[i%tasks]; c != nil {
			c.State = engine.StateDone
			if err := db.Record(l, c).Err(); err != nil {
				b.Fatal(err)
			}
		}
		if i >= b.N {
			continue
		}
		c := *model
		c.Key = fmt.Sprintf("%032x", uint64(i+1)*0x9E3779B97F4A7C15)
		c.Object = "auth0|u" + strconv.Itoa(i)
		c.Task = "main/1." + c.Object
		c.Operation, c.Effect, c.Mutates, c.Before, c.Args = "users.update", "update", true, before, json.RawMessage(`{"blocked":true,"id":"auth0|123456"}`)
		c.State, c.Value = engine.StateBegun, nil
		if err := db.Intent(b.Context(), l, &c); err != nil {
			b.Fatal(err)
		}
		c.Value = model.Value
		begun[i%tasks] = &c
	}
	b.StopTimer()
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(cpuTime(b)-began)/float64(b.N)/1000, "CPU-µs/patch")
}

func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
