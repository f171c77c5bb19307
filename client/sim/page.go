package sim

import (
	"html/template"
	"net/http"

	"a0run/client/sim/store"
)

// The page at / shows the tenant, read-only, to whoever stands at the desk.

const pageText = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{.Domain}}: a local tenant</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}
table{border-collapse:collapse;width:100%;margin-bottom:2rem}th,td{text-align:left;padding:.2rem .6rem;border-bottom:1px solid #ddd}
caption{text-align:left;font-weight:600;padding:.4rem 0}code{font-size:.95em}</style></head><body>
<h1>{{.Domain}}</h1>
<p>A local tenant of a0run. Its time is {{.Now}}. {{.Limits}}</p>
<table><caption>What it holds</caption><thead><tr><th scope="col">kind</th><th scope="col">how many</th></tr></thead><tbody>
{{range .Kinds}}<tr><td>{{.Name}}</td><td>{{.Count}}</td></tr>{{end}}</tbody></table>
<table><caption>Connections</caption><thead><tr><th scope="col">name</th><th scope="col">strategy</th><th scope="col">id</th></tr></thead><tbody>
{{range .Connections}}<tr><td>{{.name}}</td><td>{{.strategy}}</td><td><code>{{.id}}</code></td></tr>{{end}}</tbody></table>
<table><caption>Users{{if gt .Users 50}} (50 of {{.Users}}){{end}}</caption><thead><tr><th scope="col">user_id</th><th scope="col">email</th><th scope="col">created</th></tr></thead><tbody>
{{range .Some}}<tr><td><code>{{.user_id}}</code></td><td>{{.email}}</td><td>{{.created_at}}</td></tr>{{end}}</tbody></table>
<table><caption>The last calls</caption><thead><tr><th scope="col">at</th><th scope="col">call</th><th scope="col">operation</th><th scope="col">status</th></tr></thead><tbody>
{{range .Calls}}<tr><td>{{.At.Format "15:04:05.000"}}</td><td><code>{{.Method}} {{.Path}}</code></td><td>{{.Operation}}</td><td>{{.Status}}</td></tr>{{end}}</tbody></table>
</body></html>
`

type pageKind struct {
	Name  string
	Count int
}

type pageView struct {
	Domain, Now, Limits string
	Kinds               []pageKind
	Connections, Some   []object
	Users               int
	Calls               []Request
}

func (t *Tenant) servePage(w http.ResponseWriter) {
	v := pageView{Domain: t.Domain(), Now: stamp(t.Now()), Limits: t.limits.text}
	t.state.View(func(tx *store.Tx) {
		for _, k := range []string{usersKind, "/clients", "/connections", "/roles", "/organizations", "/resource-servers", "/client-grants", "/actions/actions", "/logs"} {
			v.Kinds = append(v.Kinds, pageKind{noun(k) + "s", tx.Len(kind(k))})
		}
		v.Connections = tx.Page(connectionsKey(), 0, 50)
		v.Some, v.Users = tx.Page(usersKey(), 0, 50), tx.Len(usersKey())
	})
	all := t.Requests()
	v.Calls = all[max(0, len(all)-30):]
	page := template.Must(template.New("page").Parse(pageText))
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	_ = page.Execute(w, v) // whoever is gone does not see it
}
