package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// paths are all pages, each with what is hostile in it.
func (h *house) paths() []string {
	seg := url.PathEscape(nasty)
	return []string{
		"/", "/runs", "/runs?status=failed&playbook=" + url.QueryEscape(nasty) + "&tenant=x&since=7d", "/runs/" + h.run, "/runs/" + h.live, "/runs/" + h.run + "?calls=failed",
		"/runs/" + h.run + "?calls=writes", "/runs/" + h.run + "/calls?calls=failed", "/runs/" + h.run + "/calls/" + strings.Repeat("0", 31) + "2", "/runs/" + h.run + "/calls/" + strings.Repeat("0", 31) + "4",
		"/runs/" + h.run + "/undo", "/schedules", "/schedules/" + seg, "/schedules/nightly", "/approvals", "/approvals/" + h.run, "/objects", "/objects?object=" + url.QueryEscape("users/"+nasty),
		"/tenants", "/playbooks", "/playbooks/" + seg, "/playbooks/" + url.PathEscape("p/nightly.lua"), "/audit",
	}
}

// What strangers chose as a name, and what playbooks print, is text on every
// page: no element and no attribute is made of it, and no secret is shown.
func TestPagesShowTextsAsTexts(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	b := h.as(adminToken)
	seen := 0
	for _, path := range h.paths() {
		got := b.get(path)
		if got.status != http.StatusOK {
			t.Errorf("%s: %d", path, got.status)
			continue
		}
		if strings.Contains(got.body, "alert(1)") {
			seen++
		}
		checkPage(t, path, got.body)
	}
	if seen < 12 {
		t.Errorf("only %d pages show what is hostile: the test looks at nothing", seen)
	}
	for _, path := range []string{"/runs/nobody" + url.PathEscape(nasty), "/schedules/x" + url.PathEscape(nasty), "/playbooks/x" + url.PathEscape(nasty), "/objects?object=nokind/" + url.QueryEscape(nasty), "/x" + url.PathEscape(nasty), "/runs?since=" + url.QueryEscape(nasty)} {
		got := b.get(path)
		if got.status < 400 || got.status >= 500 {
			t.Errorf("%s: %d, want that it is refused", path, got.status)
		}
		checkPage(t, path, got.body)
	}
}

// checkPage parses a page and looks for what must not be in it.
func checkPage(t *testing.T, path, body string) {
	t.Helper()
	if strings.Contains(body, "s3cr3t-value") {
		t.Errorf("%s shows a secret", path)
	}
	if strings.Contains(body, "ZgotmplZ") {
		t.Errorf("%s: a value was refused by its context", path)
	}
	doc, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if n.Data == "script" && (n.FirstChild != nil || !strings.HasPrefix(attr(n, "src"), "/static/")) {
			t.Errorf("%s holds a script of its own", path)
		}
		if slices.Contains([]string{"img", "style", "iframe", "object", "embed", "base"}, n.Data) {
			t.Errorf("%s holds <%s>", path, n.Data)
		}
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" || strings.HasPrefix(strings.TrimSpace(strings.ToLower(a.Val)), "javascript:") {
				t.Errorf("%s: <%s %s=%q>", path, n.Data, a.Key, a.Val)
			}
		}
	}
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// Every link and form of every page leads somewhere.
func TestLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	b := h.as(adminToken)
	links := map[string]string{}
	for _, path := range h.paths() {
		for _, m := range regexp.MustCompile(`(?:href|src)="([^"#]+)`).FindAllStringSubmatch(b.get(path).body, -1) {
			link := strings.ReplaceAll(strings.ReplaceAll(m[1], "&amp;", "&"), "&#43;", "+")
			link = strings.NewReplacer("&#34;", `"`, "&#39;", "'", "&lt;", "<", "&gt;", ">").Replace(link)
			if strings.HasPrefix(link, "?") {
				base, _, _ := strings.Cut(path, "?")
				link = base + link
			}
			links[link] = path
		}
	}
	if len(links) < 40 {
		t.Fatalf("only %d links were found", len(links))
	}
	for link, from := range links {
		if strings.Contains(link, "/runs/0123456789") {
			continue // the story's run is in no journal
		}
		if got := b.get(link); got.status != http.StatusOK {
			t.Errorf("%s, linked from %s: %d", link, from, got.status)
		}
	}
}
