package main

import (
	"context"
	"reflect"
	"time"

	"a0run/engine"
)

// reload takes notify: of an a0run.yaml that was read again; asked says that
// somebody asked for it, so that an address in a file or the environment may be
// another one although notify: says the same. Receivers that cannot be used leave
// those before. What room: says is used at the start only: an address that is
// listened at, sessions and log-ins hang on it.
func (r *controlRoom) reload(ctx context.Context, s *roomSetup, asked bool) {
	if s.newest == nil {
		return
	}
	before, now := s.project, s.newest()
	if !sameSettings(before.Room, now.Room) {
		s.log.Warn("room: was changed in a0run.yaml, and is used when a0run serve is started again")
	}
	if !asked && sameSettings(before.Notify, now.Notify) {
		s.project = now
		return
	}
	fresh := *s
	fresh.project = now
	notifier, err := openNotifier(ctx, r.world, fresh, &engine.Redactor{Off: r.world.shown})
	if err != nil {
		s.log.Error("notify: in a0run.yaml cannot be used; who was told before is told", "error", err)
		kept := *now
		kept.Notify = before.Notify // so that the next change is one again
		s.project = &kept
		return
	}
	old := r.notifier
	r.notifier, s.project = notifier, now
	r.closing.Go(func() { // it sends what waits, once
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		old.Close(ctx)
	})
	s.log.Info("notify: was read again", "receivers", len(notifier.Receivers()))
}

// sameSettings compares what a0run.yaml says, but for where it stands there.
func sameSettings(a, b any) bool { return samePlaceless(reflect.ValueOf(a), reflect.ValueOf(b)) }

func samePlaceless(a, b reflect.Value) bool {
	if a.IsValid() != b.IsValid() || a.IsValid() && a.Type() != b.Type() {
		return false
	}
	switch {
	case !a.IsValid() || a.Type() == reflect.TypeFor[engine.Position]():
		return true
	case a.Kind() == reflect.Pointer:
		if a.IsNil() || b.IsNil() {
			return a.IsNil() == b.IsNil()
		}
		return samePlaceless(a.Elem(), b.Elem())
	case a.Kind() == reflect.Slice:
		if a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if !samePlaceless(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	case a.Kind() == reflect.Struct && a.NumField() > 0 && a.Type().Field(0).IsExported():
		for i := range a.NumField() {
			if !samePlaceless(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(a.Interface(), b.Interface())
}
