package bindings

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"

	"a0run/client"
	"a0run/client/catalog"
	"a0run/engine"
)

// viaParam chooses how many users are read: by the search in slices, or by an
// export job.
const (
	viaParam  = "via"
	viaAuto   = "auto"
	viaSearch = "search"
	viaExport = "export"
)

// exportFrom is the number of users beyond which a job reads them sooner than
// the search: their slices would be more than 250 requests.
const exportFrom = 25_000

// sliced reports whether an operation lists users, which are more than a search
// reaches.
func sliced(op *catalog.Operation) bool { return op.Paging.Sliced }

func viaOption() engine.Param {
	return engine.Param{
		Name: viaParam, Type: "string", Enum: []string{viaAuto, viaSearch, viaExport},
		Summary: "How many users are read: search (slices), export (a job), or auto: a job for more than 25,000 where fields are named and there is neither q nor sort.",
	}
}

// watch hears how a walk over users goes and tells the log; elsewhere is what it
// decided instead.
func (a *apiCall) watch(t **engine.Task, page client.DoFunc, elsewhere *client.Args) client.WalkWatch {
	say := func(level, format string, args ...any) {
		if *t != nil {
			(*t).Log(engine.Event{Level: level, Text: a.op.ID + ": " + fmt.Sprintf(format, args...)}, a.args.call.Where)
		}
	}
	return client.WalkWatch{
		Do: page,
		Begin: func(total int) error {
			given, why := a.asExport()
			via := a.args.text(viaParam)
			switch {
			case total <= 1000:
				return nil
			case (via == "" || via == viaAuto) && total > exportFrom && given != nil:
				*elsewhere = given
				say("info", "%d users by an export job, since they are more than %d; via = \"search\" reads slices of the search instead", total, exportFrom)
				return client.ErrWalkElsewhere
			case via == viaSearch:
				say("info", "%d users by slices of the search, as via says", total)
			case why != "":
				say("info", "%d users by slices of the search; an export job cannot give them, since %s", total, why)
			default:
				say("info", "%d users by slices of the search, since they are no more than %d; via = \"export\" reads them by a job", total, exportFrom)
			}
			return nil
		},
		End: func(c client.WalkCount) {
			switch {
			case !c.Complete():
				say("warn", "%d users were given, and the tenant counts %d (%d at the beginning), also after a second reading: who was there all the time is among them, who came or changed meanwhile may be missing", c.Users, c.Last, c.First)
			case c.Again:
				say("info", "%d users, %d of them found by a second reading: the search had not shown them before", c.Users, c.Found)
			}
		},
	}
}

// asExport are the arguments of a job that gives what a listing asks for; why
// says why there is none.
func (a *apiCall) asExport() (given client.Args, why string) {
	for name := range a.args.values.All() {
		switch name {
		case "fields", "include_fields", viaParam, timeoutParam, "search_engine":
		default:
			return nil, "a job knows no " + name
		}
	}
	v, named := a.args.values.Get("fields")
	if flag, _ := a.args.values.Get("include_fields"); !named || flag == false {
		return nil, "the fields are not named"
	}
	var fields []client.ExportField
	add := func(names string) {
		for name := range strings.SplitSeq(names, ",") {
			fields = append(fields, client.ExportField{Name: strings.TrimSpace(name)})
		}
	}
	switch x := v.(type) {
	case string:
		add(x)
	case []any:
		for _, item := range x {
			name, _ := item.(string)
			add(name)
		}
	}
	given, err := client.ExportOptions{Fields: fields}.Args()
	if err != nil {
		return nil, err.Error()
	}
	return given, ""
}

// userWalk walks users as via says.
func (a *apiCall) userWalk(t **engine.Task, page client.DoFunc) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		var elsewhere client.Args
		if a.args.text(viaParam) == viaExport {
			given, why := a.asExport()
			if given == nil {
				yield(nil, a.args.wrong("via is export, and an export job cannot give these users, since "+why, `via = "search" reads slices of the search`))
				return
			}
			elsewhere = given
		}
		if elsewhere == nil {
			for item, err := range client.WalkWatched(context.Background(), a.op, a.clientArgs(a.args.values), a.watch(t, page, &elsewhere)) {
				if errors.Is(err, client.ErrWalkElsewhere) {
					break
				}
				if !yield(item, err) {
					return
				}
			}
		}
		if elsewhere == nil {
			return
		}
		x := &userExport{table: a.table, role: a.role, args: a.args, given: elsewhere}
		it := x.iterate()
		defer it.Close()
		for {
			item, ok, err := it.Next(*t)
			if !ok && err == nil || !yield(item, err) || err != nil {
				return
			}
		}
	}
}
