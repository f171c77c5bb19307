package lua

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A difference is where we do not do what lua5.1 does, and why. Both sides are
// run, so that the table stays true.
type difference struct {
	script, reference, ours, why string
}

const (
	whyMatches  = "an empty match right behind a match is none, as from Lua 5.4 on: splitting at commas finds the fields and nothing else"
	whyDigits   = "integers up to 2^53 keep their digits: a shortened id names somebody else"
	whyMessages = "the VM names values in its own words"
	whyText     = "strings are bytes; C's functions end them at a zero byte"
)

func differences() []difference {
	return []difference{
		{`print(("a,b,,c"):gsub("[^,]*", "x"))`, "xx,xx,x,xx\t7", "x,x,x,x\t4", whyMatches},
		{`print(("abc"):gsub("%w*", "-"))`, "--\t2", "-\t1", whyMatches},
		{`for f in ("a,b"):gmatch("[^,]*") do io = nil print("<" .. f .. ">") end`, "<a>\n<>\n<b>\n<>", "<a>\n<b>", whyMatches},
		{`print(1234567890123456, 2^53, 1e15)`, "1.2345678901235e+15\t9.007199254741e+15\t1e+15", "1234567890123456\t9007199254740992\t1000000000000000", whyDigits},
		{`print(123456789012345 .. "", table.concat({123456789012345}))`, "1.2345678901234e+14\t1.2345678901234e+14", "123456789012345\t123456789012345", whyDigits},
		{`print(tonumber("-ff", 16))`, "1.844674407371e+19", "-255", "a minus sign means a negative number"},
		{`print(tonumber("inf"), tonumber("nan") ~= nil)`, "inf\ttrue", "nil\tfalse", "whether these are numbers differs between C libraries"},
		{`print(pcall(function() return "inf" + 1 end))`, "true\tinf", "false\tdifference.lua:1: attempt to perform arithmetic on a string value", "as above"},
		{`print((pcall(function() for i = "1", 2 do end end)))`, "true", "false", "the VM's loops take numbers only, and say so"},
		{`print(tonumber("1\0x"))`, "1", "nil", whyText},
		{`print(#string.format("%s", "a\0b"), #string.format("%5s", "a\0b"))`, "1\t5", "3\t5", whyText},
		{
			`print(pcall(string.gsub, "a", "a", "%"))`, "true\t\t1", "false\tinvalid use of '%' at the end of the replacement; write %% for a percent sign",
			"5.1 reads a zero byte behind the end of the replacement",
		},
		{
			`print(string.format("%s", setmetatable({}, {__tostring = function() return "T" end})))`, "error", "T",
			"an error value belongs into a message; 5.1 raises another error instead",
		},
		{
			`print(pcall(function() return ("x"):rep({}) end))`,
			"false\tdifference.lua:1: bad argument #1 to 'rep' (number expected, got table)",
			"false\tdifference.lua:1: bad argument #2 to 'rep' (number expected, got table)",
			"arguments are counted as string.rep has them, also where it is called as a method",
		},
		{
			`print(pcall(string.rep))`, "false\tbad argument #1 to '?' (string expected, got no value)",
			"false\tbad argument #1 to 'rep' (string expected, got no value)",
			"a library function knows its name, whatever called it",
		},
		{`print((select(2, pcall(assert, false, {code = 1}))).code)`, "nil", "1", "an error can be a table; 5.1's assert takes only text"},
		{`print(pcall(next, {}, "no such key"))`, "false\tinvalid key to 'next'", "true\tnil", "tables keep no record by which to tell a key that was removed from one that never was"},
		{`print(#{10, 20, 30, [100] = 1})`, "3", "100", "# of a list with holes may be any border; ours is the last"},
		{
			`local t = {} for i = 1, 100 do t[i] = i end print((pcall(table.sort, t, function() return true end)))`, "false", "true",
			"a comparator that contradicts itself sorts somehow, and never reaches outside of the list",
		},
	}
}

func TestDifferences(t *testing.T) {
	dir := t.TempDir()
	for _, d := range differences() {
		if d.why == "" {
			t.Errorf("%s has no reason", d.script)
		}
		// What lua5.1 answers with an error is "error".
		guarded := "local ok = pcall(function() " + d.script + " end) if not ok then print('error') end\n"
		if err := os.WriteFile(filepath.Join(dir, "difference.lua"), []byte(guarded), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimSuffix(comparable(byReference(t, dir, "difference.lua")), "\n"); got != d.reference {
			t.Errorf("%s\n lua5.1 gives   %q\n the table says %q", d.script, got, d.reference)
		}
		if got := strings.TrimSuffix(comparable(byVM(t, "difference.lua", guarded)), "\n"); got != d.ours {
			t.Errorf("%s\n we give        %q\n the table says %q", d.script, got, d.ours)
		}
	}
}
