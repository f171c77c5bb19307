package yaml_test

import (
	"fmt"
	"strings"
	"testing"

	"a0run/engine/yaml"
)

func TestOutline(t *testing.T) {
	t.Parallel()
	p, err := yaml.Parse("g.yaml", []byte(`
steps:
  - {id: one, "log.info": a}
  - {id: two, needs: [one], "log.info": b}
  - {id: three, needs: [one], for_each: [1, 2], "log.info": c}
  - {id: four, "log.info": d}
  - {id: five, needs: [], block: [{"log.info": e}]}
  - {id: six, needs: [two, one, five], "log.info": f}
  - {id: seven, needs: [nobody], "log.info": g}
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range p.Outline() {
		got = append(got, fmt.Sprintf("%s %s:%d %v", s.ID, s.Action, s.Where.Line, s.After))
	}
	want := `one log.info:3 []
two log.info:4 [0]
three log.info for each:5 [0]
four log.info:6 [1 2]
five block:7 []
six log.info:8 [1 4]
seven log.info:9 []`
	if strings.Join(got, "\n") != want {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
}
