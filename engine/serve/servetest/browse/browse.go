// Package browse drives a real Chromium through the control room, for tests.
package browse

import (
	"context"
	_ "embed" // axe
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// axe-core 4.14.1 (MPL-2.0) looks for what people with disabilities could not use.
//
//go:embed axe.min.js
var axe string

// A Browser is a Chromium with one page. It fails the test with what the page
// says on its console, and with a dialog that opens: a script of a stranger ran.
type Browser struct {
	t   *testing.T
	ctx context.Context

	mu    sync.Mutex
	wrong []string
}

// patience bounds each thing that a browser is to do. It is long: it is for
// machines with much else to do, and ends a test that would hang.
const patience = 90 * time.Second

// Open starts a browser. Where the machine has none the test is skipped, unless
// A0RUN_BROWSER=must says that there has to be one.
func Open(t *testing.T) *Browser {
	t.Helper()
	path := find()
	if path == "" {
		if os.Getenv("A0RUN_BROWSER") == "must" { //nolint:forbidigo // tests have no other outside world
			t.Fatal("there is no Chromium: apt-get install chromium")
		}
		t.Skip("there is no Chromium; A0RUN_BROWSER=must makes this a failure")
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.ExecPath(path))
	ctx, stop := chromedp.NewExecAllocator(context.Background(), opts...)
	t.Cleanup(stop)
	ctx, closePage := chromedp.NewContext(ctx)
	t.Cleanup(closePage)
	b := &Browser{t: t, ctx: ctx}
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Listen(ctx, b.heard); err != nil {
		t.Fatal(err)
	}
	go b.listen()
	return b
}

func find() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

func (b *Browser) heard(event any) {
	if e, ok := event.(*page.EventJavascriptDialogOpening); ok {
		b.note("a dialog opened: " + e.Message)
	}
}

// listen collects what the page says that is wrong.
func (b *Browser) listen() {
	for m, err := range chromedp.Console(b.ctx) {
		if err != nil {
			return
		}
		if m.IsException() || m.Type == "error" || m.Type == "warning" {
			b.note(fmt.Sprintf("%s: %s (%s)", m.Type, m.Text, m.URL))
		}
	}
}

func (b *Browser) note(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wrong = append(b.wrong, text)
}

// Complaints gives what the pages have said that is wrong, and forgets it.
func (b *Browser) Complaints() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := b.wrong
	b.wrong = nil
	return all
}

// Do does actions, one after the other.
func (b *Browser) Do(what string, actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		at, _ := chromedp.Run(b.ctx, chromedp.Location())
		text, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.body.innerText.slice(0, 1500)`))
		b.t.Fatalf("%s: %v\nat %s\n%s\n%v", what, err, at, text, b.Complaints())
	}
}

// Go opens an address.
func (b *Browser) Go(url string) {
	b.t.Helper()
	b.Do("opening "+url, chromedp.Navigate(url))
}

// Fill sets a field.
func (b *Browser) Fill(selector, text string) {
	b.t.Helper()
	b.Do("filling in "+selector, chromedp.SetValue(chromedp.CSS(selector), text))
}

// Click clicks on what a selector finds.
func (b *Browser) Click(selector string) {
	b.t.Helper()
	b.Do("clicking on "+selector, chromedp.Click(chromedp.CSS(selector)))
}

// Press clicks on the button or link with a text, by the keyboard's way: it has
// to be one that can be focused.
func (b *Browser) Press(text string) {
	b.t.Helper()
	b.Await("there is "+text, pick(text)+" !== undefined")
	b.Eval(pick(text) + ".focus()")
	if !b.True(pick(text) + " === document.activeElement") {
		b.t.Fatalf("%q cannot be focused", text)
	}
	b.Eval(pick(text) + ".click()")
}

func pick(text string) string {
	return `[...document.querySelectorAll("button, a, summary")].find(e => e.innerText.trim() === ` + strconv.Quote(text) + `)`
}

// Eval runs a script.
func (b *Browser) Eval(script string) {
	b.t.Helper()
	b.Do(script, chromedp.Evaluate[chromedp.Void]("void ("+script+")"))
}

// Text is the text of an expression.
func (b *Browser) Text(expression string) string {
	b.t.Helper()
	text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string]("(async () => String(await ("+expression+")))()", chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return text
}

// True reports whether an expression is true.
func (b *Browser) True(expression string) bool {
	b.t.Helper()
	return b.Text("!!("+expression+")") == "true"
}

// Await waits until an expression is true, also across the loading of pages.
func (b *Browser) Await(what, expression string) {
	b.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		ok, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool]("!!("+expression+")"))
		if err == nil && ok {
			return
		}
		if time.Now().After(deadline) {
			b.Do("waiting: "+what, chromedp.Evaluate[chromedp.Void](`throw new Error("it did not come")`))
		}
		b.Do("waiting", chromedp.Sleep(100*time.Millisecond))
	}
}

// AwaitText waits for a text on the page.
func (b *Browser) AwaitText(text string) {
	b.t.Helper()
	b.Await("the text "+text, "document.body && document.body.innerText.includes("+strconv.Quote(text)+")")
}

// At is the present address.
func (b *Browser) At() string {
	b.t.Helper()
	return b.Text("location.href")
}

// Look sets the theme that the person prefers, and the size of the window.
func (b *Browser) Look(scheme string, width, height int64) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	b.Do("resizing", chromedp.EmulateViewport(width, height))
}

// Wider says by how many pixels the page is wider than its window.
func (b *Browser) Wider() string {
	b.t.Helper()
	return b.Text("document.documentElement.scrollWidth - document.documentElement.clientWidth")
}

// Axe gives the serious and critical findings of axe-core on the present page.
func (b *Browser) Axe() []string {
	b.t.Helper()
	b.Do("loading axe", chromedp.Evaluate[chromedp.Void](axe))
	text := b.Text(`axe.run({resultTypes: ["violations"]}).then(r => JSON.stringify(r.violations.filter(v => v.impact === "serious" || v.impact === "critical")
		.map(v => v.id + ": " + v.nodes.length + "× " + v.nodes[0].html.slice(0, 160) + " " + v.nodes[0].failureSummary.slice(0, 200))))`)
	var all []string
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		b.t.Fatal(err)
	}
	return all
}

// Shot writes a picture of the window into a file.
func (b *Browser) Shot(file string) {
	b.t.Helper()
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(file, png, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// Check looks at the present page as all pages are looked at: nothing serious
// for axe, no complaint on the console, not wider than its window.
func (b *Browser) Check(name string) {
	b.t.Helper()
	for _, finding := range b.Axe() {
		b.t.Errorf("%s: axe: %s", name, finding)
	}
	if wider := b.Wider(); wider != "0" {
		b.t.Errorf("%s is %s pixels wider than its window", name, wider)
	}
	for _, complaint := range b.Complaints() {
		b.t.Errorf("%s: %s", name, strings.TrimSpace(complaint))
	}
}
