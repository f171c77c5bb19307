package web_test

import (
	"fmt"
	"testing"
	"time"

	"a0run/engine"
	"a0run/engine/serve"
	"a0run/engine/serve/servetest"
	"a0run/engine/serve/servetest/browse"
)

// Every page in a real browser, full of hostile names: nothing of them runs,
// nothing is refused by the page's own policy, axe finds nothing serious, and
// on a phone nothing is wider than the window.
func TestPagesInABrowser(t *testing.T) {
	t.Parallel()
	b := browse.Open(t)
	h := open(t, nil)
	b.Look("light", 1280, 900)
	b.Go(h.server.URL + "/runs")
	b.Check("the log-in")
	b.Fill("#token", adminToken)
	b.Press("Log in")
	b.Await("the page that was asked for", `document.title.startsWith("Runs")`)
	for _, path := range h.paths() {
		b.Look("light", 1280, 900)
		b.Go(h.server.URL + path)
		b.Check(path)
		b.Look("dark", 390, 844)
		if wider := b.Wider(); wider != "0" {
			t.Errorf("%s is %s pixels wider than a phone", path, wider)
		}
	}
	for _, path := range []string{"/", "/runs/" + h.run, "/approvals/" + h.run} {
		b.Go(h.server.URL + path)
		b.Check(path + " in the dark on a phone")
	}
}

// What happens in a run is seen without loading the page again, and its end too.
func TestALiveRunInABrowser(t *testing.T) {
	t.Parallel()
	b := browse.Open(t)
	h := open(t, nil)
	b.Look("light", 1280, 900)
	b.Go(h.server.URL + "/runs/" + h.live)
	b.Fill("#token", viewerToken)
	b.Press("Log in")
	b.Await("the run", `document.title.includes("`+h.live[:8]+`") && document.querySelector("#calls tr")`)
	b.Eval(`window.sameOne = true`)
	for n := 100; n < 120; n++ {
		c := servetest.Call(servetest.Story{Began: time.Now()}, n)
		if n == 110 {
			c.Operation, c.Kind, c.Object, c.Args = "log.info", "", "", []byte(`{"text":"half of it is done <b>really</b>"}`)
		}
		h.Journal.Record(h.lease, c)
	}
	h.Tape(h.live).Add(engine.Event{Kind: engine.EventStepStarted, Step: "second step", Task: "main", Where: "x:9:9", Time: time.Now()})
	live, _ := h.Live(h.live)
	live.Counts.Parked, live.Rate = 7, []serve.Second{{At: time.Now().Add(-time.Second), Calls: 3, Remaining: 9, Limit: 10}, {At: time.Now(), Calls: 20, Remaining: 5, Limit: 10}}
	h.SetLive(live)
	b.Await("the newest call", fmt.Sprintf(`document.querySelector("#calls tr")?.id === "c%032x"`, 119))
	b.AwaitText("half of it is done <b>really</b>")
	b.AwaitText("second step")
	// Its end is told before the journal has it, and the step is not taken back.
	b.Await("that it runs", `/second step[^]*running/.test(document.querySelector("#steps").textContent)`)
	h.Tape(h.live).Add(engine.Event{Kind: engine.EventStepFinished, Step: "second step", Task: "main", Where: "x:9:9", State: engine.StepOK, TookMS: 1234, Time: time.Now()})
	b.Await("that it has ended", `/second step[^]*ok, 1.2s/.test(document.querySelector("#steps").textContent)`)
	b.Await("the parked calls", `document.querySelector("#head").innerText.includes("Parked\n7")`)
	b.Await("the chart", `document.querySelector("#rate canvas")`)
	if !b.True(`window.sameOne`) {
		t.Error("the page was loaded again")
	}
	if got := b.Text(`new Set([...document.querySelectorAll("#calls tr")].map(r => r.id)).size - document.querySelectorAll("#calls tr").length`); got != "0" {
		t.Errorf("%s calls are there twice", got)
	}
	b.Check("a live run")
	if err := h.Journal.Finish(t.Context(), h.lease, engine.RunEnd{Status: engine.RunDone, At: time.Now()}); err != nil {
		t.Fatal(err)
	}
	b.Await("the end", `window.sameOne === undefined && document.querySelector("#head").innerText.includes("done")`)
	b.Check("an ended run")
}
