package lua

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"
	"github.com/yuin/gopher-lua/parse"

	"a0run/engine"
)

// What a source may be. The parser and the compiler recurse in Go: enough
// nesting overflows the stack of the process, which nothing recovers from.
const (
	maxSource  = 256 << 10
	maxNesting = 200
)

// dataHint is said of sources that hold more data than a program should.
const dataHint = "put a long list into a file and read it with json.decode(file.read(…)) or csv.read(…)"

// A source is a file or a chunk before it is compiled.
type source struct {
	name  string
	text  string
	first int // the line number of text's first line
	// column is where the first line begins, 0 for the left margin; prefix is
	// what stands before it that the user did not write.
	column int
	prefix string

	tokens []ast.Token
	stmts  []ast.Stmt
	places places
}

// fileSource is the source of a whole file: without a byte order mark, and with
// an empty first line in place of one that begins with #.
func fileSource(name string, text []byte) *source {
	s := strings.TrimPrefix(string(text), "\ufeff")
	if strings.HasPrefix(s, "#") {
		s = s[len(s)-len(strings.TrimLeftFunc(s, func(c rune) bool { return c != '\n' && c != '\r' })):]
	}
	return &source{name: name, text: s}
}

// read parses a source. Its problem has a place.
func (s *source) read() *engine.Problem {
	if s.first == 0 {
		s.first = 1
	}
	if len(s.text) > maxSource {
		return &engine.Problem{
			Where:   engine.Position{File: s.name, Line: s.first},
			Message: fmt.Sprintf("the source is %d KB long; %d KB is the most", len(s.text)>>10, maxSource>>10),
			Hint:    "split it into modules and require them",
		}
	}
	if p := s.scan(); p != nil {
		return p
	}
	stmts, err := parse.Parse(strings.NewReader(s.padded()), s.name)
	if err != nil {
		return s.syntaxProblem(err)
	}
	s.stmts = stmts
	return nil
}

// padded is the text behind as many empty lines as stand before it in its
// file, so that every line number of the parser is the file's.
func (s *source) padded() string {
	return strings.Repeat("\n", s.first-1) + s.prefix + s.text
}

// scan reads the tokens and bounds their nesting.
func (s *source) scan() *engine.Problem {
	sc := parse.NewScanner(strings.NewReader(s.padded()), s.name)
	lexer := &parse.Lexer{}
	depth := 0
	for {
		tok, err := sc.Scan(lexer)
		if err != nil {
			return s.syntaxProblem(err)
		}
		if tok.Type < 0 {
			return nil
		}
		lexer.PrevTokenType = tok.Type
		if p := s.malformed(tok); p != nil {
			return p
		}
		s.tokens = append(s.tokens, tok)
		depth += nesting(tok.Type)
		if depth > maxNesting {
			return &engine.Problem{
				Where:   s.at(tok.Pos.Line, tok.Pos.Column),
				Message: fmt.Sprintf("blocks and brackets are nested more than %d deep", maxNesting),
			}
		}
	}
}

// malformed finds what gopher-lua takes and Lua 5.1 refuses: 1e would be nan, and
// an item between two commas would be missing without a word.
func (s *source) malformed(tok ast.Token) *engine.Problem {
	where := s.at(tok.Pos.Line, tok.Pos.Column)
	switch {
	case tok.Type == parse.TNumber:
		if _, ok := parseNumber(tok.Str); !ok {
			return &engine.Problem{Where: where, Message: quoted(strings.TrimSpace(tok.Str)) + " is a malformed number"}
		}
	case tok.Type == ',' && len(s.tokens) > 0 && s.tokens[len(s.tokens)-1].Type == ',':
		return &engine.Problem{Where: where, Message: "there is nothing between two commas", Hint: "write nil for an item that is absent"}
	}
	return nil
}

func nesting(token int) int {
	switch token {
	case '(', '{', '[', parse.TFunction, parse.TDo, parse.TIf, parse.TRepeat:
		return 1
	case ')', '}', ']', parse.TEnd, parse.TUntil:
		return -1
	}
	return 0
}

// at is the place in the user's file of a line and column of the parser.
func (s *source) at(line, column int) engine.Position {
	if line == s.first && column > 0 {
		column -= len(s.prefix)
		column = max(column, 1)
		if s.column > 1 {
			column += s.column - 1
		}
	} else if column > 0 && s.column > 1 && s.prefix == "" {
		column += s.column - 1 // a block scalar: every line is indented
	}
	return engine.Position{File: s.name, Line: line, Column: column}
}

// compile makes the function prototype of what was read. The function's one
// argument is what joins strings; it returns the chunk's own function.
func (s *source) compile() (*lua.FunctionProto, *engine.Problem) {
	p := &pass{}
	stmts := p.chunk(s.stmts)
	if problem := s.tooMuch(p, stmts); problem != nil {
		return nil, problem
	}
	proto, err := lua.Compile(stmts, s.name)
	if err == nil {
		return proto, nil
	}
	var ce *lua.CompileError
	if errors.As(err, &ce) {
		return nil, &engine.Problem{Where: s.at(max(ce.Line, s.first), 0), Message: ce.Message}
	}
	return nil, &engine.Problem{Where: s.at(s.first, 0), Message: err.Error()}
}

// tooMuch refuses what the compiler would get wrong, or would take minutes for.
func (s *source) tooMuch(p *pass, stmts []ast.Stmt) *engine.Problem {
	if p.tooLong != nil {
		return &engine.Problem{
			Where:   s.at(p.tooLong.Line(), 0),
			Message: fmt.Sprintf("a table has more than %d items written in it", maxItems),
			Hint:    dataHint,
		}
	}
	if b := weigh(stmts); b.problem != "" {
		return &engine.Problem{Where: s.at(max(b.line, s.first), 0), Message: b.problem, Hint: "split it; " + dataHint}
	}
	return nil
}

// syntaxProblem puts the parser's message into words.
func (s *source) syntaxProblem(err error) *engine.Problem {
	var pe *parse.Error
	if !errors.As(err, &pe) {
		return &engine.Problem{Where: s.at(s.first, 0), Message: err.Error()}
	}
	p := &engine.Problem{Where: s.at(pe.Pos.Line, pe.Pos.Column), Message: pe.Message}
	if pe.Pos.Line == parse.EOF {
		text := strings.TrimRight(s.text, " \t\r\n")
		last := text[strings.LastIndexByte(text, '\n')+1:]
		column := len(last) + 1
		if len(last) == len(text) {
			column += len(s.prefix) // on the first line, where at takes it away again
		}
		p.Where = s.at(s.first+strings.Count(text, "\n"), column)
	}
	message := strings.ToLower(pe.Message)
	switch {
	case strings.Contains(message, "unterminated string"):
		p.Message = "a string has no closing quote"
		p.Where = s.openQuote()
	case strings.Contains(message, "unterminated multiline"), strings.Contains(message, "invalid multiline comment"):
		p.Message = "a long string or comment is never closed"
		p.Hint = "[[ needs ]]"
	case strings.Contains(message, "ambiguous"):
		p.Message = "this parenthesis may begin a statement or a call of the line above"
		p.Hint = "put a semicolon before it, or move it to the line above"
	case pe.Pos.Line == parse.EOF:
		p.Message = "the source ends too early"
		p.Hint = s.unclosed()
	case strings.Contains(message, "invalid token"), strings.Contains(message, "invalid '~'"):
		p.Message = fmt.Sprintf("%s is no Lua", quoted(pe.Token))
		p.Hint = foreign(pe.Token)
	case strings.Contains(message, "syntax error"), strings.Contains(message, "parse error"):
		p.Where, p.Message, p.Hint = s.unexpected(pe)
	}
	return p
}

// openQuote is where the string begins that the scanner found no end of: behind
// the last token that it did find.
func (s *source) openQuote() engine.Position {
	line, column := s.first, 0
	if n := len(s.tokens); n > 0 {
		last := s.tokens[n-1]
		line, column = last.Pos.Line, last.Pos.Column+len(last.Str)-1
	}
	lines := strings.Split(s.padded(), "\n")
	for ; line <= len(lines); line, column = line+1, 0 {
		text, _, _ := strings.Cut(lines[line-1], "--")
		if at := strings.IndexAny(text[min(column, len(text)):], `"'`); at >= 0 {
			return s.at(line, column+at+1)
		}
	}
	return s.at(s.first, 0)
}

// unexpected says which token cannot stand where it stands.
func (s *source) unexpected(pe *parse.Error) (engine.Position, string, string) {
	at := s.at(pe.Pos.Line, pe.Pos.Column)
	i := slices.IndexFunc(s.tokens, func(t ast.Token) bool {
		end := t.Pos.Column + max(len(t.Str), 1) - 1
		return t.Pos.Line == pe.Pos.Line && t.Str == pe.Token && (end >= pe.Pos.Column || t.Type == parse.TString)
	})
	if i < 0 { // it began on a line before
		i = slices.IndexFunc(s.tokens, func(t ast.Token) bool { return t.Type == parse.TString && t.Str == pe.Token })
	}
	if i < 0 {
		return at, "unexpected " + quoted(pe.Token), ""
	}
	tok := s.tokens[i]
	if tok.Type == parse.TString { // it may be a password
		return s.at(tok.Pos.Line, tok.Pos.Column), "unexpected string", ""
	}
	at = s.at(tok.Pos.Line, tok.Pos.Column)
	hint := foreign(pe.Token)
	if i > 0 && hint == "" {
		hint = foreign(s.tokens[i-1].Str + pe.Token)
	}
	if i+1 < len(s.tokens) && hint == "" {
		hint = foreign(pe.Token + s.tokens[i+1].Str)
	}
	switch {
	case tok.Type == parse.TEnd:
		hint = "nothing is open here that 'end' could close"
	case tok.Type == '=' && i > 0 && slices.ContainsFunc(s.tokens[:i], func(t ast.Token) bool {
		return t.Pos.Line == tok.Pos.Line && (t.Type == parse.TIf || t.Type == parse.TWhile || t.Type == parse.TElseIf)
	}):
		hint = "to compare, write =="
	}
	return at, "unexpected " + quoted(pe.Token), hint
}

// quoted is a token as messages show it. It is not cut: of what was cut the
// redactor would not know that it was secret.
func quoted(token string) string {
	if token == "" {
		return "character"
	}
	return "'" + token + "'"
}

// foreign is what Lua writes for a token of another language.
func foreign(token string) string {
	switch token {
	case "!", "!=", "~":
		return "not equal is ~=, and negation is the word not"
	case "&", "&&":
		return "Lua writes: and"
	case "|", "||":
		return "Lua writes: or"
	case "+=", "-=", "*=", "++":
		return "Lua writes: x = x + 1"
	case "//":
		return "a comment begins with --; division is /"
	case "?":
		return "Lua writes: condition and a or b"
	case "<const", "<close":
		return "this is Lua 5.1, which has no attributes of locals"
	}
	return ""
}

// unclosed names the innermost thing that is open at the end.
func (s *source) unclosed() string {
	var open []ast.Token
	for _, tok := range s.tokens {
		switch nesting(tok.Type) {
		case 1:
			open = append(open, tok)
		case -1:
			if len(open) > 0 {
				open = open[:len(open)-1]
			}
		}
	}
	if len(open) == 0 {
		return ""
	}
	last := open[len(open)-1]
	return fmt.Sprintf("'%s' at line %d is never closed", last.Str, last.Pos.Line)
}

// function makes the runnable function of a prototype.
func (vm *VM) function(proto *lua.FunctionProto) *lua.LFunction {
	l := vm.root
	l.Push(l.NewFunctionFromProto(proto))
	l.Push(vm.concat)
	l.Call(1, 1)
	fn, _ := l.Get(-1).(*lua.LFunction)
	l.SetTop(0)
	return fn
}

// remember keeps a source's lines for error messages.
func (vm *VM) remember(s *source) {
	if _, ok := vm.sources[s.name]; !ok {
		vm.sources[s.name] = excerpts(s.padded())
	}
}

// A textSpan is a piece of a quoted string as it is written, on one line.
type textSpan struct {
	line, column int
	text         string
}

// quotedSpans are the insides of the source's quoted strings. Only they have
// escapes; [[long ones]] have none.
func (s *source) quotedSpans() []textSpan {
	var out []textSpan
	lines := strings.Split(s.padded(), "\n")
	for _, tok := range s.tokens {
		if tok.Type != parse.TString || tok.Pos.Line > len(lines) {
			continue
		}
		line := lines[tok.Pos.Line-1]
		start := tok.Pos.Column - 1
		if start < 0 || start >= len(line) || (line[start] != '"' && line[start] != '\'') {
			continue
		}
		end := start + 1
		for end < len(line) && line[end] != line[start] {
			if line[end] == '\\' {
				end++
			}
			end++
		}
		out = append(out, textSpan{line: tok.Pos.Line, column: start + 1, text: line[start:min(end, len(line))]})
	}
	return out
}
