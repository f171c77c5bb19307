package sim

import (
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"a0run/client/sim/store"
)

// The page at / shows the tenant, read-only, to whoever stands at the desk. It
// has no script, and what tenants hold is escaped.

const pageStyle = `:root{color-scheme:light dark;--line:#8884;--dim:#666;--bad:#b3261e}
@media (prefers-color-scheme:dark){:root{--dim:#aaa;--bad:#ff8a80}}
body{font:15px/1.5 system-ui,sans-serif;margin:0}main{margin:0 auto;max-width:70rem;padding:1rem}
h1{font-size:1.4rem;margin:.5rem 0;overflow-wrap:anywhere}h2{font-size:1.05rem;margin:1.5rem 0 .3rem}
p{margin:.3rem 0;color:var(--dim)}div{overflow-x:auto}table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.25rem .8rem .25rem 0;border-bottom:1px solid var(--line);vertical-align:top}
th{font-weight:500;color:var(--dim);white-space:nowrap}td{overflow-wrap:anywhere;min-width:4rem}
.n{text-align:right;white-space:nowrap;overflow-wrap:normal;font-variant-numeric:tabular-nums;min-width:0}.t{white-space:nowrap}.bad{color:var(--bad)}code{font-size:.92em}
@media (max-width:40rem){.wide{display:none}}`

const pageText = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{.Domain}}: a local tenant</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>` + pageStyle + `</style></head><body><main>
<h1>{{.Domain}}</h1>
<p>A local tenant of a0run. Its time is {{.Now}}. Reload to see what changed.</p>
<h2>What it holds</h2>
<div><table><thead><tr><th scope="col">kind</th><th scope="col" class="n">how many</th></tr></thead><tbody>
{{range .Kinds}}<tr><td>{{.Name}}</td><td class="n">{{.Count}}</td></tr>
{{end}}</tbody></table></div>
<h2>Users{{if gt .Users (len .Some)}}: the newest {{len .Some}} of {{.Users}}{{end}}</h2>
<div><table><thead><tr><th scope="col">user_id</th><th scope="col">email or name</th><th scope="col" class="wide">connection</th><th scope="col" class="wide">created</th></tr></thead><tbody>
{{range .Some}}<tr><td><code>{{.ID}}</code></td><td>{{.Login}}</td><td class="wide">{{.Connections}}</td><td class="wide t">{{.Created}}</td></tr>
{{else}}<tr><td colspan="4">none</td></tr>
{{end}}</tbody></table></div>
<h2>Connections{{if gt .AllConnections (len .Connections)}}: {{len .Connections}} of {{.AllConnections}}{{end}}</h2>
<div><table><thead><tr><th scope="col">name</th><th scope="col">strategy</th><th scope="col" class="wide">id</th></tr></thead><tbody>
{{range .Connections}}<tr><td>{{.name}}</td><td>{{.strategy}}</td><td class="wide"><code>{{.id}}</code></td></tr>
{{end}}</tbody></table></div>
{{if .Mail}}<h2>Mailbox</h2><p>What a real tenant would have sent.</p>
<div><table><thead><tr><th scope="col">at</th><th scope="col">to</th><th scope="col">what</th><th scope="col">code or link</th></tr></thead><tbody>
{{range .Mail}}<tr><td>{{.At.UTC.Format "15:04:05"}}</td><td>{{.To}} ({{.Channel}})</td><td>{{.Subject}}</td><td>{{with .Code}}<code>{{.}}</code> {{end}}{{with .Link}}<a href="{{.}}">open</a>{{end}}</td></tr>
{{end}}</tbody></table></div>{{end}}
<h2>The last calls</h2>
<div><table><thead><tr><th scope="col">at</th><th scope="col">call</th><th scope="col" class="wide">operation</th><th scope="col" class="n">status</th></tr></thead><tbody>
{{range .Calls}}<tr><td>{{.At.UTC.Format "15:04:05.000"}}</td><td><code>{{.Method}} {{.Path}}</code></td><td class="wide">{{.Operation}}</td><td class="n{{if ge .Status 400}} bad{{end}}">{{.Status}}</td></tr>
{{else}}<tr><td colspan="4">none</td></tr>
{{end}}</tbody></table></div>
<h2>Limits</h2>
{{if .Limits}}<div><table><thead><tr><th scope="col">limit</th><th scope="col" class="n">left</th><th scope="col" class="n">burst</th><th scope="col" class="n">rate</th><th scope="col" class="wide">counted by</th></tr></thead><tbody>
{{range .Limits}}<tr><td>{{.Name}}</td><td class="n{{if not .Left}} bad{{end}}">{{.Left}}</td><td class="n">{{.Burst}}</td><td class="n">{{.Rate}}</td><td class="wide">{{.By}}</td></tr>
{{end}}</tbody></table></div>{{else}}<p>Nothing is limited.</p>{{end}}
{{if .Faults}}<h2>Faults</h2>
<div><table><thead><tr><th scope="col">operation</th><th scope="col">what goes wrong</th></tr></thead><tbody>
{{range .Faults}}<tr><td>{{.Operation}}</td><td><code>{{.What}}</code></td></tr>
{{end}}</tbody></table></div>{{end}}
</main></body></html>
`

type pageKind struct {
	Name  string
	Count int
}

type pageUser struct{ ID, Login, Connections, Created string }

type pageFault struct{ Operation, What string }

// A limitLine is one limit of the page. Left is that of whoever has fewest,
// where there is a bucket for each.
type limitLine struct {
	Name, Rate, By string
	Left, Burst    int
}

type pageView struct {
	Domain, Now    string
	Kinds          []pageKind
	Connections    []object
	AllConnections int
	Some           []pageUser
	Users          int
	Limits         []limitLine
	Faults         []pageFault
	Calls          []Request
	Mail           []Mail
}

// pageRows bounds each table of the page.
const pageRows = 50

func (t *Tenant) servePage(w http.ResponseWriter) {
	now := t.Now()
	v := pageView{Domain: t.Domain(), Now: stamp(now), Limits: t.limits.lines(now)}
	t.state.View(func(tx *store.Tx) {
		for _, k := range []string{usersKind, "/clients", "/connections", "/roles", "/organizations", "/resource-servers", "/client-grants", "/actions/actions", "/logs"} {
			v.Kinds = append(v.Kinds, pageKind{noun(k) + "s", tx.Len(kind(k))})
		}
		v.Connections, v.AllConnections = tx.Page(connectionsKey(), 0, pageRows), tx.Len(connectionsKey())
		v.Users = tx.Len(usersKey())
		for _, u := range tx.Page(usersKey(), max(0, v.Users-pageRows), pageRows) {
			v.Some = append(v.Some, userLine(u))
		}
		slices.Reverse(v.Some)
	})
	for _, f := range t.faults.all() {
		text := textOf(f)
		text.Operation = ""
		v.Faults = append(v.Faults, pageFault{orAll(f.Operation), string(encode(text))})
	}
	all := t.Requests()
	v.Calls = all[max(0, len(all)-pageRows):]
	slices.Reverse(v.Calls)
	mail := t.Mail()
	v.Mail = mail[max(0, len(mail)-pageRows):]
	slices.Reverse(v.Mail)
	writePage(w, template.Must(template.New("page").Parse(pageText)), v)
}

func orAll(operation string) string {
	if operation == "" {
		return "all"
	}
	return operation
}

func userLine(u object) pageUser {
	line := pageUser{ID: str(u, "user_id"), Created: str(u, "created_at")}
	for _, f := range []string{"email", "username", "phone_number"} {
		if line.Login == "" {
			line.Login = str(u, f)
		}
	}
	var names []string
	for _, v := range items(u, "identities") {
		if id, ok := v.(object); ok {
			names = append(names, str(id, "connection"))
		}
	}
	line.Connections = strings.Join(names, ", ")
	return line
}

func writePage(w http.ResponseWriter, page *template.Template, v any) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	_ = page.Execute(w, v) // whoever is gone does not see it
}

// lines are the limits and what is left of them.
func (l *limiter) lines(now time.Time) []limitLine {
	l.mu.Lock()
	defer l.mu.Unlock()
	least := map[string]int64{}
	for key, s := range l.levels {
		name, _, _ := strings.Cut(key, "\x1f")
		b, ok := l.groups[name]
		if name == "" && l.global != nil {
			b, ok = *l.global, true
		}
		if !ok {
			continue
		}
		left := (b.burst*b.token - b.refill(s, now).missing) / b.token
		if was, has := least[name]; !has || left < was {
			least[name] = left
		}
	}
	var out []limitLine
	add := func(name string, b bucket, set Limit, shown string) {
		line := limitLine{Name: shown, Left: int(b.burst), Burst: int(b.burst), Rate: rateWords(set), By: b.by}
		if left, has := least[name]; has {
			line.Left = int(left)
		}
		out = append(out, line)
	}
	if l.global != nil {
		set, own := l.set.Groups["management"]
		if !own {
			set = Limit{Rate: l.set.Rate, Per: l.set.Per}
		}
		add("", *l.global, set, "the Management API")
	}
	for _, name := range sortedKeys(l.groups) {
		add(name, l.groups[name], l.set.Groups[name], name)
	}
	return out
}

func rateWords(l Limit) string {
	unit := map[time.Duration]string{0: "s", time.Second: "s", time.Minute: "min", time.Hour: "hour", 24 * time.Hour: "day"}[l.Per]
	return fmt.Sprintf("%.4g/%s", l.Rate, unit)
}
