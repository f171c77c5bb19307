package sim

import (
	"bytes"
	"html/template"
	"net/http"
	"net/url"
)

// The pages of a log-in. They work without scripts, with a keyboard and with a
// screen reader; what they hold is data, so that one template makes them all.

const formText = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{.Title}} | {{.Tenant}}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:26rem;padding:0 1rem}
h1{font-size:1.5rem}label{display:block;font-weight:600;margin-top:.8rem}input{font:inherit;width:100%;box-sizing:border-box;padding:.5rem}
button{font:inherit;padding:.5rem 1rem;margin:.8rem .5rem 0 0}.choices button{display:block;width:100%;text-align:left}
[role=alert]{border-left:4px solid #c00;padding:.3rem .8rem}code{overflow-wrap:anywhere}footer{margin-top:2rem;font-size:.85rem}</style></head><body>
<main><h1>{{.Title}}</h1>
{{with .Error}}<p role="alert">{{.}}</p>{{end}}
{{range .Texts}}<p>{{.}}</p>{{end}}
{{range .Facts}}<p>{{.Name}}: <code>{{.Value}}</code></p>{{end}}
{{if .Buttons}}<form method="post" action="{{.Action}}">
{{range .Hidden}}<input type="hidden" name="{{.Name}}" value="{{.Value}}">{{end}}
{{range .Fields}}<label for="{{.Name}}">{{.Label}}</label>
<input id="{{.Name}}" name="{{.Name}}" type="{{.Type}}" value="{{.Value}}" autocomplete="{{.Complete}}"{{if eq .Complete "one-time-code"}} inputmode="numeric"{{end}}{{if .Required}} required{{end}}>{{end}}
{{range .Buttons}}<button name="action" value="{{.Name}}"{{if .Skips}} formnovalidate{{end}}>{{.Value}}</button>{{end}}
</form>{{end}}
{{with .Choices}}<form method="post" action="{{$.Action}}" class="choices">
{{range $.Hidden}}<input type="hidden" name="{{.Name}}" value="{{.Value}}">{{end}}
<h2>{{.Title}}</h2>{{$name := .Name}}{{range .List}}<button name="{{$name}}" value="{{.Name}}">{{.Value}}</button>{{end}}
</form>{{end}}
{{range .Links}}<p><a href="{{.Name}}">{{.Value}}</a></p>{{end}}</main>
<footer><p>{{.Tenant}}, a local tenant of a0run</p></footer></body></html>
`

// A pair is a name, or a value that is sent, and what a person reads.
type pair struct{ Name, Value string }

// A pageButton sends the form; one that skips does so with fields left empty.
type pageButton struct {
	Name, Value string
	Skips       bool
}

type pageField struct {
	Name, Label, Type, Value, Complete string
	Required                           bool
}

// pageChoices are buttons of which one is pressed.
type pageChoices struct {
	Title, Name string
	List        []pair
}

// A formPage is one page.
type formPage struct {
	Title, Error, Action, Tenant string
	Texts                        []string
	Facts, Hidden, Links         []pair
	Fields                       []pageField
	Buttons                      []pageButton
	Choices                      *pageChoices
	status                       int
}

// pagePolicy lets a page load nothing and stand in no frame. form-action is left
// out: Chromium holds it against the redirect to the application too.
const pagePolicy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"

func (c *call) show(p formPage) reply {
	p.Tenant = c.domain()
	if p.status == 0 {
		p.status = http.StatusOK
	}
	return html(p.status, formText, pagePolicy, p)
}

func html(status int, text, policy string, data any) reply {
	var b bytes.Buffer
	page := template.Must(template.New("page").Parse(text))
	if err := page.Execute(&b, data); err != nil {
		panic(err) // the data are structs of this package
	}
	return reply{status: status, kind: "text/html; charset=utf-8", text: b.String(), header: map[string]string{
		"Content-Security-Policy": policy, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff",
	}}
}

// oops is the page of a log-in that cannot go on nor back to its application:
// to send a person to an address that nobody allowed would be an open redirect.
// Programs that do not ask for HTML get the error as JSON.
func (c *call) oops(status int, code, description string) reply {
	if !acceptsHTML(c.req) {
		return denied(status, code, description)
	}
	return c.show(formPage{
		Title: "Oops!, something went wrong", Error: code + ": " + description, status: status,
		Texts: []string{"The log-in cannot go on. This page names the reason; the application's settings in the tenant, or the address that it sent you to, have to change."},
	})
}

// withCookie adds a cookie to a reply.
func (r reply) withCookie(cookie *http.Cookie) reply {
	header := map[string]string{"Set-Cookie": cookie.String()}
	for k, v := range r.header {
		header[k] = v
	}
	r.header = header
	return r
}

// The ways in which an answer goes back to the application beside a redirect.

const postText = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Submit this form</title></head><body>
<form method="post" action="{{.To}}">{{range .Values}}<input type="hidden" name="{{.Name}}" value="{{.Value}}">{{end}}
<button>Go on to the application</button></form>
<script>document.forms[0].submit()</script></body></html>
`

// The hash is that of the script in postText.
const postPolicy = "default-src 'none'; script-src 'sha256-ePniVEkSivX/c7XWBGafqh8tSpiRrKiqYeqbG7N1TOE='; base-uri 'none'; frame-ancestors 'none'"

// postBack sends values by a form that sends itself, or by its button where
// scripts are off.
func postBack(to string, v url.Values) reply {
	var list []pair
	for _, k := range sortedKeys(v) {
		list = append(list, pair{k, v.Get(k)})
	}
	return html(http.StatusOK, postText, postPolicy, struct {
		To     string
		Values []pair
	}{to, list})
}

const messageText = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Authorization response</title></head><body>
<script nonce="{{.Nonce}}">(window.opener || window.parent).postMessage({type: "authorization_response", response: {{.Response}}}, {{.Origin}})</script>
</body></html>
`

// message hands values to the window that opened the page or holds it
// (response_mode web_message), and to that of one origin only.
func (c *call) message(origin string, v url.Values) reply {
	response := map[string]string{}
	for k := range v {
		response[k] = v.Get(k)
	}
	nonce := c.t.ids.base64("script-nonce", origin, 16)
	return html(http.StatusOK, messageText, "default-src 'none'; script-src 'nonce-"+nonce+"'; base-uri 'none'", struct {
		Nonce, Origin string
		Response      map[string]string
	}{nonce, origin, response})
}
