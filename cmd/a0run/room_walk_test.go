package main

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"a0run/client/sim"
	"a0run/engine/serve/servetest/browse"
)

const walkToken = "walk-token-0123456789abcdef"

// walkFiles is a project as somebody has it.
func walkFiles() map[string]string {
	return map[string]string{
		"playbooks/welcome.lua": `playbook {
  name = "Welcome people",
  description = "Gives everybody a greeting in their metadata.",
  params = {
    greeting = { type = "string", required = true, description = "what they are told" },
    pause = { type = "number", default = 0.15, description = "seconds between two people" },
  },
}

local people = step("read", {}, function() return auth0.users.list{} end)
step("greet", {}, function()
  parallel.each(people, { concurrency = 1 }, function(user)
    auth0.users.update(user.user_id, { user_metadata = { greeting = params.greeting } })
    log.info("greeted " .. user.email)
    time.sleep(params.pause)
  end)
end)
step("report", {}, function() print(#people .. " people were told " .. params.greeting) end)
`,
		"playbooks/wait.yaml": `name: Wait for the export
steps:
  - id: ask
    auth0.users.list: {per_page: 1, page: 0}
  - id: roles
    needs: [ask]
    auth0.roles.list: {}
  - id: export
    needs: [ask]
    time.sleep: 3600
  - id: report
    needs: [roles, export]
    print: done
`,
		"playbooks/block.lua": `playbook { name = "Block who is away" }
for _, user in ipairs(auth0.users.list{ q = "email:*" }) do
  if not user.blocked and user.email:find("away") then
    auth0.users.update(user.user_id, { blocked = true, user_metadata = { reason = "away for 90 days" } })
  end
end
`,
	}
}

const walkProject = `default: staging
tenants:
  staging:
    domain: BASE
    client_id: CLIENT
    client_secret: {env: SECRET_OF_STAGING}
schedules:
  block-who-is-away: {playbook: playbooks/block.lua, cron: "0 3 * * *", zone: Europe/Berlin, tenant: staging, approve: true}
  welcome: {playbook: playbooks/welcome.lua, every: 12h, tenant: staging, params: {greeting: good morning}, yes: true}
room:
  tokens:
    ada: {role: admin, token: {env: ROOM_TOKEN}}
`

// A walk is a service with a browser before it.
type walk struct {
	*browse.Browser
	t     *testing.T
	url   string
	shots string // the folder for pictures; "" for none
}

func startWalk(t *testing.T) *walk {
	t.Helper()
	b := browse.Open(t)
	tenant := serveTenant(t, sim.Options{Limits: sim.Limits{Rate: 10, Burst: 10}, SeedName: "seed.yaml", Seed: []byte(`
users:
  - {user_id: auth0|ada, email: ada@example.com, email_verified: true}
  - {user_id: auth0|bob, email: bob.away@example.com}
  - {user_id: auth0|cleo, email: cleo@example.com}
  - {user_id: auth0|dan, email: dan.away@example.com}
  - {user_id: auth0|eva, email: eva@example.com}
`)})
	cred := tenant.Credentials()
	dir := t.TempDir()
	files := walkFiles()
	files["a0run.yaml"] = strings.NewReplacer("BASE", cred.BaseURL, "CLIENT", cred.ClientID).Replace(walkProject)
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("a0run", "serve", "--listen", "127.0.0.1:0", "--log", "json", "--journal", filepath.Join(dir, "journal.db")) //nolint:gosec // our own command; it is stopped by a signal
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "SECRET_OF_STAGING="+cred.ClientSecret, "ROOM_TOKEN="+walkToken)
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w := &walk{Browser: b, t: t, shots: os.Getenv("ROOM_SHOTS")}
	address := make(chan string, 1)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		lines := bufio.NewScanner(said)
		for lines.Scan() {
			var line struct{ Msg, URL string }
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.URL != "" {
				address <- line.URL
			}
			if strings.Contains(lines.Text(), cred.ClientSecret) || strings.Contains(lines.Text(), walkToken) {
				t.Errorf("the log shows a secret: %s", lines.Text())
			}
			t.Log(lines.Text())
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-ended
		if err := cmd.Wait(); err != nil {
			t.Errorf("a0run serve: %v", err)
		}
	})
	select {
	case w.url = <-address:
	case <-ended:
		t.Fatal("a0run serve ended")
	}
	return w
}

// shot keeps a picture of the page for the documentation.
func (w *walk) shot(name string) {
	w.t.Helper()
	if w.shots != "" {
		w.Shot(filepath.Join(w.shots, name+".png"))
	}
}

// TestRoomWalk goes through the control room of a real service with a real
// browser, as somebody would on a morning.
func TestRoomWalk(t *testing.T) {
	t.Parallel()
	w := startWalk(t)
	w.Look("light", 1200, 760)
	w.Go(w.url)
	w.Check("the log-in")
	w.Fill("#token", walkToken)
	w.Press("Log in")
	w.AwaitText("No runs yet")

	first := w.startARun()
	w.cancelAnother()
	w.approveAPlan()
	w.undo(first)
	w.pauseASchedule()
	w.lookAround()
}

// startARun starts a run with params and watches it to its end.
func (w *walk) startARun() (run string) {
	w.t.Helper()
	w.Press("Playbooks")
	w.AwaitText("Gives everybody a greeting")
	w.Press("playbooks/welcome.lua")
	w.AwaitText("what they are told")
	w.Press("Start")
	if !w.True(`document.activeElement.matches(":invalid")`) {
		w.t.Error("a required parameter was not asked for")
	}
	w.Fill("#p-greeting", "good morning")
	w.Fill("#p-pause", map[bool]string{true: "1.2", false: "4"}[w.shots == ""])
	w.shot("playbook")
	w.Check("a playbook")
	w.Press("Start")
	w.Await("the run", `location.pathname.startsWith("/runs/") && document.querySelector("#run")`)
	run = w.Text(`document.querySelector("#run").dataset.run`)
	w.AwaitText("Welcome people") // the name is known once it has begun
	w.AwaitText("greeted ada@example.com")
	w.AwaitText("greeted bob.away@example.com")
	w.Await("the steps", `/read[^]*greet/.test(document.querySelector("#steps").textContent)`)
	w.Await("what is left of the rate limit", `/\d+ of 10 left of the rate limit/.test(document.querySelector("#head").textContent)`)
	w.Await("the chart, with what is left", `document.querySelector("#rate canvas") && !document.querySelector("#rate-card").hidden && numbers[3].some((n) => n !== null)`)
	w.Await("when the end is to be expected", `/as the run expects/.test(document.querySelector("#head").textContent)`)
	w.shot("run")
	w.Await("its end", `document.querySelector("#head")?.innerText.includes("done") && !document.querySelector("[sse-connect]")`)
	w.AwaitText("5 people were told good morning")
	w.Check("an ended run")
	return run
}

// cancelAnother stops a run that would take an hour.
func (w *walk) cancelAnother() {
	w.t.Helper()
	w.Go(w.url + "/playbooks/playbooks%2Fwait.yaml")
	w.Press("Start")
	w.Await("its steps", `/ask[^]*ok[^]*export[^]*running/.test(document.querySelector("#steps")?.textContent)`)
	w.shot("graph")
	w.Press("Cancel…")
	w.Press("Cancel the run")
	w.Await("that it was stopped", `document.querySelector("#head")?.innerText.includes("interrupted")`)
	w.AwaitText("Resume…")
	w.Check("a run that was stopped")
}

// approveAPlan lets a schedule make a plan, and applies it.
func (w *walk) approveAPlan() {
	w.t.Helper()
	w.Go(w.url + "/schedules/block-who-is-away")
	w.Press("Run now")
	w.Await("the plan", `document.querySelector('#run a[href^="/approvals/"]') || (location.pathname.startsWith("/runs/") && location.reload())`)
	w.Eval(`document.querySelector('#run a[href^="/approvals/"]').click()`)
	w.AwaitText("Approve and apply")
	w.AwaitText("blocked")
	w.shot("plan")
	w.Check("a plan")
	w.Press("Approve and apply")
	w.Await("that it is applied", `location.pathname.startsWith("/runs/") && document.querySelector("#head")?.innerText.includes("done")`)
	w.Go(w.url + "/objects?object=users%2Fauth0%7Cbob")
	w.AwaitText("blocked")
	w.shot("object")
	w.Check("the history of an object")
}

// undo puts back what the first run did.
func (w *walk) undo(run string) {
	w.t.Helper()
	w.Go(w.url + "/runs/" + run)
	w.Press("Undo…")
	w.AwaitText("nothing has been changed yet")
	w.shot("undo")
	w.Check("a preview of an undo")
	w.Await("the button", `document.querySelector("button.danger")`)
	w.Eval(`document.querySelector("button.danger").click()`)
	w.Await("the undo's end", `location.pathname.startsWith("/runs/") && /done|items/.test(document.querySelector("#head")?.textContent)`)
	w.Go(w.url + "/runs/" + run)
	w.AwaitText("undone")
}

// pauseASchedule stops one from firing.
func (w *walk) pauseASchedule() {
	w.t.Helper()
	w.Go(w.url + "/schedules")
	w.shot("schedules")
	w.Check("schedules")
	w.Press("welcome")
	w.Press("Pause…")
	w.Fill("input[name=until]", "8h")
	w.Fill("input[name=reason]", "the greeting is being reworded")
	w.Press("Pause the schedule")
	w.AwaitText("Paused by token ada")
	w.AwaitText("the greeting is being reworded")
	w.Check("a paused schedule")
	w.Press("Go on")
	w.Await("that it goes on", `!document.body.innerText.includes("Paused by")`)
}

// lookAround opens what is left, in both themes and on a phone.
func (w *walk) lookAround() {
	w.t.Helper()
	for _, path := range []string{"/", "/runs", "/tenants", "/approvals", "/audit"} {
		w.Go(w.url + path)
		w.Check(path)
	}
	for _, want := range []string{"schedule.pause", "login", "token ada"} {
		w.AwaitText(want)
	}
	w.Go(w.url)
	w.Await("the newest runs", `document.querySelectorAll("tbody tr").length >= 4`)
	w.shot("overview")
	w.Look("dark", 1200, 760)
	w.shot("overview-dark")
	w.Check("the overview in the dark")
	w.Look("light", 390, 844)
	w.shot("overview-phone")
	w.Check("the overview on a phone")
	w.Press("Log out")
	w.AwaitText("Token")
}
