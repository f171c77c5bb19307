package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"a0run/client/pace"
	"a0run/client/pace/pacefile"
	"a0run/engine"
	"a0run/engine/project"
)

const limitsLong = `Show what is known of the rate limits of the tenants in a0run.yaml: what their
answers have told runs of this journal, what a0run.yaml says itself, and who draws
on them at this moment. Nothing is asked of a tenant.

LEFT is what should be in the bucket now, TOLD how long ago the tenant spoke of
it. A rate is measured; one with ~ was not measured for long yet.`

const limitsExample = `  a0run limits
  a0run limits --tenant production
  a0run limits --json`

// limitsFlags are the flags of `a0run limits`.
type limitsFlags struct {
	tenant, journal string
	json            bool
}

func limitsCommand(w *world) *cobra.Command {
	f := &limitsFlags{}
	cmd := &cobra.Command{
		Use: "limits", Short: "Show what is known of the tenants' rate limits", Long: limitsLong, Example: limitsExample, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return showLimits(cmd.Context(), w, f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.tenant, "tenant", "", "only the tenant of that `NAME`")
	journalFlag(flags, &f.journal)
	flags.BoolVar(&f.json, "json", false, "print JSON")
	return cmd
}

// tenantLimits is what is shown of one tenant.
type tenantLimits struct {
	Tenant  string        `json:"tenant"`
	Domain  string        `json:"domain"`
	Plan    string        `json:"plan,omitempty"`
	Reserve float64       `json:"reserve"`
	Limits  []limitLine   `json:"limits"`
	Drawing []drawingLine `json:"drawing"`
}

// limitLine is one limit; Source is "learned" or "a0run.yaml".
type limitLine struct {
	Bucket      string     `json:"bucket"`
	Groups      []string   `json:"groups,omitempty"`
	Burst       int        `json:"burst"`
	PerSecond   float64    `json:"per_second"`
	Sure        bool       `json:"sure"`
	Left        *int       `json:"left,omitempty"`
	Told        *time.Time `json:"told,omitempty"`
	ClosedUntil *time.Time `json:"closed_until,omitempty"`
	Source      string     `json:"source"`
}

// drawingLine is one process that draws on the limits.
type drawingLine struct {
	Weight    float64 `json:"weight"`
	PerSecond float64 `json:"per_second"`
	Wants     bool    `json:"wants_more"`
}

func showLimits(ctx context.Context, w *world, f *limitsFlags) error {
	if f.journal == noJournal {
		return &usageError{"what is known stands beside the journal", "leave --journal none out"}
	}
	all, err := gatherLimits(ctx, w, f)
	if err != nil {
		return err
	}
	if f.json {
		text, err := json.MarshalIndent(map[string]any{"v": 1, "tenants": all}, "", "  ")
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w.stdout, "%s\n", text)
		return err
	}
	for i, t := range all {
		if i > 0 {
			fmt.Fprintln(w.stdout)
		}
		if err := t.print(w.stdout, w.now()); err != nil {
			return err
		}
	}
	return nil
}

// gatherLimits reads a0run.yaml and the sheets beside the journal.
func gatherLimits(ctx context.Context, w *world, f *limitsFlags) ([]tenantLimits, error) {
	p, err := project.Find(w.dir, w.outside())
	if err != nil {
		return nil, err
	}
	at, err := w.journalSettings(f.journal, w.dir)
	if err != nil {
		return nil, err
	}
	names := p.Names()
	if f.tenant != "" {
		if !p.Has(f.tenant) {
			hint := "there are " + strings.Join(names, ", ")
			if near := engine.Nearest(f.tenant, names); near != "" {
				hint = "did you mean " + near + "?"
			}
			return nil, &usageError{"there is no tenant " + printable(f.tenant), hint}
		}
		names = []string{f.tenant}
	}
	all := make([]tenantLimits, 0, len(names))
	for _, name := range names {
		domain, err := p.Domain(ctx, name, w.outside())
		if err != nil {
			return nil, err
		}
		t, err := limitsOfTenant(ctx, at.path+budgetSuffix, domain, p.PaceOf(name))
		if err != nil {
			return nil, err
		}
		t.Tenant = name
		all = append(all, *t)
	}
	return all, nil
}

// limitsOfTenant reads a tenant's sheet, and what a0run.yaml says of buckets that
// nothing was learned of. It makes no folder where there is none.
func limitsOfTenant(ctx context.Context, dir, domain string, said project.Pace) (*tenantLimits, error) {
	t := &tenantLimits{
		Domain: budgetKey(domain), Plan: said.Plan, Reserve: said.Reserve, Limits: []limitLine{}, Drawing: []drawingLine{},
	}
	var sheet pace.Sheet
	if _, err := os.Stat(filepath.Clean(dir)); err == nil {
		store, err := pacefile.Open(dir)
		if err != nil {
			return nil, err
		}
		text, now, err := store.Read(ctx, t.Domain)
		if err != nil {
			return nil, err
		}
		sheet = pace.ReadSheet(text, now)
	}
	known := map[string]bool{}
	for _, l := range sheet.Limits {
		known[l.Bucket] = true
		line := limitLine{Bucket: l.Bucket, Groups: l.Groups, Burst: l.Size, PerSecond: l.PerSecond, Sure: l.Sure, Left: &l.Left, Source: "learned"}
		if told := l.Told.UTC(); l.Told.UnixMilli() > 0 {
			line.Told = &told
		}
		if !l.ClosedUntil.IsZero() {
			until := l.ClosedUntil.UTC()
			line.ClosedUntil = &until
		}
		t.Limits = append(t.Limits, line)
	}
	for _, h := range said.Hints {
		if !known[h.Bucket] {
			t.Limits = append(t.Limits, limitLine{Bucket: h.Bucket, Burst: h.Burst, PerSecond: h.Rate, Sure: true, Source: project.FileName})
		}
	}
	for _, m := range sheet.Members {
		t.Drawing = append(t.Drawing, drawingLine{Weight: m.Weight, PerSecond: m.PerSecond, Wants: m.Wants})
	}
	return t, nil
}

// print shows a tenant's limits as a table.
func (t *tenantLimits) print(out io.Writer, now time.Time) error {
	head := fmt.Sprintf("tenant %s (%s)", t.Tenant, t.Domain)
	if t.Reserve > 0 {
		head += fmt.Sprintf(", %.3g%% left to others", 100*t.Reserve)
	}
	fmt.Fprintln(out, head)
	if len(t.Limits) == 0 {
		fmt.Fprintln(out, "  nothing is known yet: the answers of a first run tell it")
		return nil
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "  BUCKET\tBURST\tRATE\tLEFT\tTOLD\tGROUPS")
	for _, l := range t.Limits {
		rate := "not known yet"
		if l.PerSecond > 0 {
			rate = rateText(l.PerSecond)
			if !l.Sure {
				rate = "~" + rate
			}
		}
		left, told := "", l.Source
		if l.Left != nil {
			left = fmt.Sprint(*l.Left)
		}
		if l.Told != nil {
			told = age(now.Sub(*l.Told))
		}
		if l.ClosedUntil != nil {
			left = "closed for " + l.ClosedUntil.Sub(now).Round(time.Second).String()
		}
		fmt.Fprintf(table, "  %s\t%d\t%s\t%s\t%s\t%s\n", printable(l.Bucket), l.Burst, rate, left, told, printable(strings.Join(l.Groups, " ")))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, d := range t.Drawing {
		wants := ""
		if d.Wants {
			wants = ", wants more"
		}
		fmt.Fprintf(out, "  a run of weight %g draws %.1f/s%s\n", d.Weight, d.PerSecond, wants)
	}
	return nil
}

// age says how long ago something was.
func age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds ago", max(0, int(d.Seconds())))
	case d < time.Hour:
		return fmt.Sprintf("%dm ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh ago", int(d.Hours()))
	}
	return fmt.Sprintf("%dd ago", int(d.Hours()/24))
}
