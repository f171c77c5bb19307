package journal

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"a0run/engine"
)

func TestSketch(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x", "journal ü%?#.db")
	db, err := Open(t.Context(), Options{Path: path, hook: func(s, n int) { t.Log("sync", s, n) }})
	if err != nil {
		t.Fatal(err)
	}
	o := engine.Owner{ID: "a", Name: "pid a", TTL: time.Minute}
	l, err := db.Begin(t.Context(), &engine.RunRecord{ID: "r1"}, o)
	if err != nil {
		t.Fatal(err)
	}
	c := benchCall(1, 2000)
	c.Mutates, c.Durable, c.State = true, true, engine.StateBegun
	if err := db.Intent(t.Context(), l, c); err != nil {
		t.Fatal(err)
	}
	c.State = "done"
	if err := db.Record(l, c).Err(); err != nil {
		t.Fatal(err)
	}
	db2, err := Open(t.Context(), Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	_, err = db2.Claim(t.Context(), "r1", engine.Owner{ID: "b", Name: "pid b"})
	var held *engine.HeldError
	if !errors.As(err, &held) {
		t.Fatal(err)
	}
	t.Log(err)
	for c, err := range db2.Load(t.Context(), "r1", 0) {
		t.Logf("%+v %v", c, err)
	}
	n, err := db2.Writes(t.Context(), "r1", "main", true)
	t.Log(n, err)
	t.Log(db.Finish(t.Context(), l, engine.RunEnd{Status: "failed"}))
	l, err = db2.Claim(t.Context(), "r1", engine.Owner{ID: "b", Name: "pid b"})
	t.Log(l, err)
	r, err := db.Run(t.Context(), "r")
	t.Logf("%+v %v", r, err)
	var av int
	var mode string
	t.Log(db.read.QueryRow("pragma auto_vacuum").Scan(&av), av)
	t.Log(db.read.QueryRow("pragma journal_mode").Scan(&mode), mode)
	t.Log(db.Close(), db2.Close())
	m, _ := filepath.Glob(filepath.Dir(path) + "/*/*")
	t.Log(m)
}
